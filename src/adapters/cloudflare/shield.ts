// The Durable Object that will collapse the fills of many isolates into one query. Bound already, because a class cannot be added
// together with a gradual deployment; nothing calls it yet, and it says so to whoever does.

export class Shield {
  fetch(): Response {
    return new Response("The shield is not in use", { status: 501 });
  }
}
