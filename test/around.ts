/**
 * What happens around each test of a file. `npm run mutate` notes there what a test runs, and leaves some out; else
 * nothing does.
 */
export type Body = () => Promise<void>;

export const around: {
  /** The body to run in the place of a test's, whose number counts from 0 in its file; undefined: none. */
  of(body: Body, number: number): Body | undefined;
} = { of: (body) => body };
