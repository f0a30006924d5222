/**
 * What a person studies and has changed, as the part of an address behind `#`: JSON, deflated, in base64url. It can be
 * sent to others, so it is read with care: it is no code that runs, only a state that a page may show.
 *
 * Deflate comes in the zlib format (RFC 1950), whose checksum tells an address that was cut or changed by hand.
 */
import { FirstlightError } from '../../engine/errors.ts';
import { parseJson } from '../../engine/json.ts';
import { shownValue } from '../../engine/shown.ts';

/** What a study page shows. */
export interface StudyState {
  readonly room: string;
  /** The name of the case; the page's own choice if omitted, as for what follows. */
  readonly case?: string;
  readonly variant?: string;
  readonly dtype?: 'f32' | 'f16';
  /** The whole texts of files that were changed, by name: `layernorm/layernorm.wgsl`. */
  readonly files: Readonly<Record<string, string>>;
}

/** Names that a state may hold, of one room. */
export interface KnownNames {
  readonly cases: readonly string[];
  readonly variants: readonly string[];
  readonly files: readonly string[];
}

/** An address that holds no state. */
export class AddressError extends FirstlightError {
  constructor(reason: string, cause?: unknown) {
    super('FL_ADDRESS', `this address cannot be read: ${reason}`, { reason },
      'ask for it again, whole; the page shows the files as they were written', cause);
  }
}

/** A name from outside, fit for a sentence. */
const said = (name: unknown) => (name === undefined ? 'without a name' : shownValue(name, 60));

/** The longest file makes 4 KB. */
const MOST_CHARACTERS = 64 * 1024;
/** An address of a few bytes can be inflated to gigabytes. All files of the longest room are 70 KB. */
const MOST_BYTES = 512 * 1024;

const DTYPES = ['f32', 'f16'];

/** The part of an address behind `#`, without it. */
export async function encode(state: StudyState): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(state));
  return base64url(await through(new CompressionStream('deflate'), bytes, Number.POSITIVE_INFINITY));
}

/**
 * The state that an address holds.
 *
 * @param hash with or without `#`
 * @param known by room, what the page knows: nothing else is let in
 * @throws AddressError that says why not
 */
export async function decode(hash: string, known: Readonly<Record<string, KnownNames>>): Promise<StudyState> {
  const text = hash.replace(/^#/, '');
  if (text.length > MOST_CHARACTERS) throw new AddressError(`it has more than ${MOST_CHARACTERS} characters`);
  return checked(parsed(await inflated(bytesOf(text))), known);
}

async function inflated(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  try {
    const whole = await through(new DecompressionStream('deflate'), bytes, MOST_BYTES);
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(whole);
  } catch (error) {
    if (error instanceof AddressError) throw error;
    throw new AddressError('it is cut off or was changed', error);
  }
}

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw new AddressError('what it holds is no JSON', error);
  }
}

/** All that a stream makes of some bytes; it is stopped as soon as that is too much. */
async function through(stream: CompressionStream | DecompressionStream, bytes: Uint8Array<ArrayBuffer>,
  most: number): Promise<Uint8Array<ArrayBuffer>> {
  const writer = stream.writable.getWriter();
  // what fails here fails when it is read too
  const written = Promise.all([writer.write(bytes), writer.close()]).catch(() => undefined);
  const reader = stream.readable.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    chunks.push(next.value);
    length += next.value.length;
    if (length <= most) continue;
    await reader.cancel().catch(() => undefined);
    throw new AddressError(`it holds more than ${most / 1024} KiB`);
  }
  await written;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** A state that has nothing but what a page knows. */
function checked(value: unknown, known: Readonly<Record<string, KnownNames>>): StudyState {
  if (!isRecord(value)) throw new AddressError('what it holds is no state of a study page');
  const { room, case: item, variant, dtype, files, ...others } = value;
  for (const name in others) throw new AddressError(`it holds ${said(name)}, which no study page has`);
  const names = typeof room === 'string' && Object.hasOwn(known, room) ? known[room] : undefined;
  if (names === undefined) throw new AddressError(`there is no room ${said(room)} here`);
  const of = (what: string, name: unknown, all: readonly string[]) => {
    if (name !== undefined && !(typeof name === 'string' && all.includes(name))) {
      throw new AddressError(`${room} has no ${what} ${said(name)}`);
    }
  };
  of('case', item, names.cases);
  of('variant', variant, names.variants);
  of('type', dtype, DTYPES);
  if (!isRecord(files)) throw new AddressError('it holds no list of files');
  for (const [file, text] of Object.entries(files)) {
    of('file', file, names.files);
    if (typeof text !== 'string') throw new AddressError(`what it holds for ${file} is no text`);
  }
  return value as unknown as StudyState;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function base64url(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const wrong = /[^\w-]/u.exec(text)?.[0];
  if (wrong !== undefined) throw new AddressError(`${said(wrong)} is in no such address`);
  if (text.length % 4 === 1) throw new AddressError('it is cut off or was changed');
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (sign) => sign.charCodeAt(0));
}
