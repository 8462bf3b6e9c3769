// Lines of an answer as they come.

export async function* responseLines(answer: Response): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of bytesOf(answer)) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") yield line;
  }
  if (rest !== "") yield rest;
}

export const bytesOf = (answer: Response): AsyncIterable<Uint8Array> =>
  (answer.body ?? []) as unknown as AsyncIterable<Uint8Array>;
