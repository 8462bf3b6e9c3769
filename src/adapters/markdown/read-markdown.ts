// CommonMark → what is analysed of it. The tree is walked with a stack of our own: how deep it is, its author decides.
import { fromMarkdown } from "mdast-util-from-markdown";
import type { Block, Outline } from "../../contexts/insight/insight.ts";

interface Node {
  readonly type: string;
  readonly depth?: number;
  readonly value?: string;
  readonly alt?: string | null;
  readonly children?: readonly Node[];
}

export function readMarkdown(slice: string): Outline {
  const blocks: Block[] = [];
  const links: string[] = [];
  const images: string[] = [];
  let html = 0;
  const left: Node[] = [fromMarkdown(slice) as Node];
  for (let node = left.pop(); node !== undefined; node = left.pop()) {
    if (node.type === "html") html += node.value?.length ?? 0;
    else if (node.type === "heading" || node.type === "paragraph") {
      const inside = insideOf(node);
      links.push(...inside.links);
      images.push(...inside.images);
      const { text } = inside;
      blocks.push(node.type === "heading" ? { is: "heading", depth: node.depth ?? 1, text } : { is: "text", text });
    } else left.push(...(node.children ?? []).toReversed());
  }
  return { blocks, links, images, html };
}

/** Code and HTML within a line are no words of its text; an image's alternative text is what a reader may be given instead of it. */
function insideOf(block: Node) {
  const texts: string[] = [];
  const links: string[] = [];
  const images: string[] = [];
  const left: { readonly node: Node; readonly from?: number }[] = [{ node: block }];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const { node, from } = next;
    if (from !== undefined) links.push(texts.slice(from).join(""));
    else if (node.type === "text") texts.push(node.value ?? "");
    else if (node.type === "break") texts.push("\n");
    else if (node.type === "image" || node.type === "imageReference") {
      images.push(node.alt ?? "");
      texts.push(node.alt ?? "");
    } else {
      // Met again when everything inside it has been read.
      if (node.type === "link" || node.type === "linkReference") left.push({ node, from: texts.length });
      for (const child of (node.children ?? []).toReversed()) left.push({ node: child });
    }
  }
  return { text: texts.join(""), links, images };
}
