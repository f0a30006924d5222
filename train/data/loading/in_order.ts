/**
 * Results of jobs in their order. Jobs are started ahead of the one that is waited for, `ahead` of them at most, so
 * that no more results than that lie about.
 */
export async function* inOrder<T>(count: number, ahead: number,
  start: (job: number) => Promise<T>): AsyncGenerator<T, void, undefined> {
  const started: Promise<T>[] = [];
  for (let next = 0; started.length > 0 || next < count;) {
    for (; next < count && started.length < ahead + 1; next++) {
      const job = start(next);
      // it is awaited below, perhaps much later; until then it is no unhandled rejection
      job.catch(() => undefined);
      started.push(job);
    }
    yield await (started.shift() as Promise<T>);
  }
}
