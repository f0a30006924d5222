/** A doc comment, taken apart. */

/** Columns of a comment's text; a line that ends well before them ends where its writer wanted it to. */
const COLUMNS = 110;

export interface Comment {
  /** Paragraphs, each with its lines. */
  readonly text: readonly (readonly string[])[];
  readonly params: readonly { readonly name: string; readonly text: string }[];
  readonly returns: string;
  readonly throws: readonly string[];
}

/**
 * What a comment says. Text that was wrapped is put together again, and a line that stands for itself, like a formula
 * or a source, stays one.
 */
export function commentOf(docComment = ''): Comment {
  const lines = docComment.replace(/^\/\*\*|\*\/\s*$/g, '').split('\n').map((line) =>
    line.replace(/^\s*\* ?/, '').trim()
  );
  const tags = lines.join('\n').split(/^@/m);
  const text = tags[0].split(/\n\s*\n/).map((paragraph) => joined(paragraph.trim())).filter(([line]) => line !== '');
  const of = (tag: string) =>
    tags.slice(1).filter((each) => new RegExp(`^${tag}\\b`).test(each)).map((each) =>
      joined(each.slice(tag.length).trim()).join(' ')
    );
  return {
    // what API Extractor says where nobody said anything
    text: text.filter(([line]) => !line.startsWith('Constructs a new instance of the')),
    // a name with a point has its dash before it
    params: of('param').map((param) => param.replace(/^- /, '')).map((param) => {
      const [, name, rest] = /^(\S+)\s*(?:- )?(.*)$/s.exec(param) ?? ['', '', param];
      return { name, text: rest };
    }),
    returns: of('returns').join(' '),
    throws: of('throws'),
  };
}

/** The lines that a writer meant. */
function joined(paragraph: string): string[] {
  const [first, ...others] = paragraph.split('\n');
  const lines = [first];
  let before = first;
  for (const line of others) {
    const [word] = line.split(' ');
    if (before.length + 1 + word.length <= COLUMNS) lines.push(line);
    else lines.push(`${lines.pop() ?? ''} ${line}`);
    before = line;
  }
  return lines;
}
