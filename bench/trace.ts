/** A profile as a file for chrome://tracing and ui.perfetto.dev: the Trace Event Format, complete events. */
import type { KernelTime } from '../engine/index.ts';
import { roomOf } from './shares.ts';

/** Numbers that viewers group by. */
const [PROCESS, GPU_THREAD] = [1, 1];

/** One event for each dispatch, in microseconds, named after its kernel, with the room it belongs to. */
export function chromeTrace(times: readonly KernelTime[], name: string, adapter: string): string {
  const title = (what: string, value: string) => ({ ph: 'M', pid: PROCESS, tid: GPU_THREAD, name: what,
    args: { name: value } });
  const events = times.map(({ kernel, start, nanoseconds }, i) => ({
    ph: 'X',
    pid: PROCESS,
    tid: GPU_THREAD,
    cat: 'gpu',
    name: kernel,
    ts: start / 1000,
    dur: nanoseconds / 1000,
    args: { dispatch: i, room: roomOf(kernel) ?? 'engine' },
  }));
  const lines = [title('process_name', name), title('thread_name', adapter), ...events].map((event) =>
    JSON.stringify(event)
  );
  return `{"displayTimeUnit":"ms","traceEvents":[\n${lines.join(',\n')}\n]}\n`;
}
