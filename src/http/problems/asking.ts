// Problems of the request itself, whatever it is about.
import type { Problem } from "../problems.ts";

export const ASKING_PROBLEMS: Readonly<Record<string, Problem>> = {
  "not-found": {
    kind: "missing",
    title: "Nothing at this path",
    means: "The path is none that this API knows, or a part of it does not have the form that names there must have.",
    remedy: "Compare the path with the reference at /docs. Names are case-sensitive and have no trailing slash.",
  },
  "method-not-allowed": {
    kind: "malformed",
    title: "Method not allowed",
    means: "The path exists, but not with this method. The Allow header lists the methods that it has.",
    remedy: "Use one of the methods in Allow.",
  },
  "request-timeout": {
    kind: "malformed",
    title: "Body came too slowly",
    means: "The body did not arrive in the time that a request has.",
    remedy:
      "Send the request again over a better connection. A write that was sent with an Idempotency-Key can be repeated without harm.",
  },
  "body-too-large": {
    kind: "malformed",
    title: "Body too large",
    means: "The body is larger than this request may have: 1 MiB.",
    remedy: "Send less in one request, for example by splitting a long text over several entries.",
  },
  "unsupported-media-type": {
    kind: "malformed",
    title: "Media type not supported",
    means:
      "The Content-Type is missing, is not one that this request takes, or names a charset other than UTF-8. The Accept header lists those that it takes.",
    remedy: "Send one of the media types in Accept.",
  },
  "malformed-json": {
    kind: "malformed",
    title: "Body is not JSON",
    means:
      "The body cannot be read as JSON in one way only: it is empty, is not UTF-8, begins with a byte-order mark, breaks the grammar, has a member twice in one object, is nested more than 32 deep, or holds a number that a double cannot keep (a fraction is rounded, an integer must be exact).",
    remedy: "The detail says where. Send large integers as strings.",
  },
  "unknown-member": {
    kind: "malformed",
    title: "Unknown member",
    means:
      "The body has a member that this request does not know. Such members are refused, so that a misspelt one is not lost in silence.",
    remedy: "Remove or correct the members that errors lists.",
  },
  "missing-member": {
    kind: "malformed",
    title: "Missing member",
    means: "The body lacks a member that this request needs.",
    remedy: "Add the members that errors lists.",
  },
  "invalid-member": {
    kind: "malformed",
    title: "Member of the wrong type",
    means: "A member of the body has a value of another type than this request takes.",
    remedy: "Correct the members that errors lists.",
  },
  "invalid-value": {
    kind: "invalid",
    title: "Value breaks a rule",
    means: "The body was understood, but a value in it is too long, too large, or not of the form that it must have.",
    remedy: "Correct the members that errors lists.",
  },
  "text-not-storable": {
    kind: "invalid",
    title: "Text cannot be stored",
    means:
      "A text, or a member's name, holds U+0000 or half of a surrogate pair. Text is stored as it is sent, and these cannot be.",
    remedy: "Remove these characters at the places that errors lists.",
  },
  "unknown-parameter": {
    kind: "malformed",
    title: "Unknown parameter",
    means:
      "The query has a parameter that this request does not know. Such parameters are refused, so that a misspelt one is not lost in silence.",
    remedy: "Remove or correct the parameters that errors lists.",
  },
  "missing-parameter": {
    kind: "malformed",
    title: "Missing parameter",
    means: "The query lacks a parameter that this request needs.",
    remedy: "Add the parameters that errors lists.",
  },
  "invalid-parameter": {
    kind: "malformed",
    title: "Parameter not understood",
    means: "A parameter of the query has a value that it cannot have, or is given more than once.",
    remedy: "Correct the parameters that errors lists.",
  },
  "invalid-header": {
    kind: "malformed",
    title: "Header not understood",
    means: "A header that changes what the request means does not have the form that it must have.",
    remedy: "Correct the header that errors lists, or leave it out.",
  },
  "idempotency-key-invalid": {
    kind: "malformed",
    title: "Idempotency key not usable",
    means:
      "An Idempotency-Key has 1 to 255 printable ASCII characters, in double quotes or without; both forms are the same key.",
    remedy: "Send a random key of that form, such as a UUID.",
  },
  "idempotency-key-reused": {
    kind: "invalid",
    title: "Idempotency key used for another request",
    means:
      "This key was sent before with another method, path, query or body. The first request stands; this one was not done.",
    remedy: "Use a new key for each new request, and the same key only to repeat the very same one.",
  },
  "request-in-progress": {
    kind: "conflict",
    title: "The first request is still running",
    means: "Another request with the same Idempotency-Key is being worked on at this moment.",
    remedy: "Wait for the time in Retry-After and send it again; you will get the first one's answer.",
  },
  "credentials-required": {
    kind: "unauthenticated",
    title: "Credentials required",
    means: "This cannot be asked without a key. A private space and one that does not exist answer alike here.",
    remedy: "Send Authorization: Bearer and an API key of the space.",
  },
  "credentials-invalid": {
    kind: "unauthenticated",
    title: "Credentials not valid",
    means:
      "The Authorization header does not hold a key that is alive: it is misspelt, expired, revoked, or replaced by a newer one. Keys in URLs are not accepted.",
    remedy: "Check the key for missing characters, or ask whoever manages the space's keys for a new one.",
  },
  "scope-missing": {
    kind: "forbidden",
    title: "Scope missing",
    means: "The key is valid but was not granted the scope that this request needs.",
    remedy: "Use a key with the scope that the detail names.",
  },
  "rate-limited": {
    kind: "limited",
    title: "Quota exceeded",
    means:
      "The budget that this request is charged to is used up for the current window, or too many requests without credentials come from one address. RateLimit says how much there was and when it is filled again.",
    remedy: "Wait for the time in Retry-After. An operator can raise a space's limits.",
    type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
  },
  "quota-exceeded": {
    kind: "limited",
    title: "Quota exceeded",
    means: "The space has used up what its plan includes.",
    remedy: "Wait for the next period, or move the space to a larger plan.",
    type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
  },
};
