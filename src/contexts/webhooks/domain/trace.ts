// W3C Trace Context of a message: the trace of the write that it tells of goes on, with a span of its own for each attempt.

const TRACEPARENT = /^00-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})$/;

/** `span`: 16 hexadecimal digits, not all zero. `undefined`: there is no trace to go on with. */
export function continueTrace(traceparent: string | null | undefined, span: string): string | undefined {
  const [, trace, flags] = TRACEPARENT.exec(traceparent ?? "") ?? [];
  return trace === undefined ? undefined : `00-${trace}-${span}-${flags}`;
}
