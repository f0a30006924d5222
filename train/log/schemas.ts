/** What zod says of a file, in one line of a message. */
import type { z } from 'zod';
import { shown } from '../../engine/shown.ts';

/** Problems that are told. */
const MOST = 5;

/** "state.step: Invalid input: expected number, received string", for the first few. */
export function issueText({ issues }: z.ZodError): string {
  const told = issues.slice(0, MOST).map(({ path, message }) =>
    `${path.length === 0 ? '' : `${shown(path.map(String).join('.'))}: `}${shown(message)}`
  );
  const more = issues.length > MOST ? [`… and ${issues.length - MOST} more`] : [];
  return [...told, ...more].join('; ');
}
