/** Two hosts on one machine, for root: network namespaces with names of their own, and a line between them. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Place } from './launch.ts';

/** What each host calls its end of the line. */
export const LINK = 'line';
const NAMES = ['alpha', 'beta'] as const;
/** For documentation (RFC 5737): nobody's. */
const NETWORK = '198.51.100';
const addressOf = (host: number) => `${NETWORK}.${host + 1}`;

function run(command: string, ...words: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, words, { encoding: 'utf8' });
  if (status !== 0) throw error ?? new Error(`${command} ${words.join(' ')}: ${stderr.trim()}`);
}

/** The network namespace that a process is in; undefined once it has ended. */
function spaceOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined;
  }
}

/** Two hosts, as long as they are not disposed of. */
export class TwoHosts {
  readonly #holders: readonly ChildProcess[];
  readonly #agent: string;

  private constructor(holders: readonly ChildProcess[], agent: string) {
    this.#holders = holders;
    this.#agent = agent;
  }

  /** @throws {Error} where nobody is root, or there are no namespaces  @param folder for what starts the second */
  static async open(folder: string): Promise<TwoHosts> {
    const holders = NAMES.map(() => spawn('unshare', ['--net', '--uts', 'sleep', '3600'], { stdio: 'ignore' }));
    const agent = join(folder, 'agent.sh');
    const hosts = new TwoHosts(holders, agent);
    try {
      await setTimeout(300); // they leave the namespace of this process
      const [first, second] = holders.map(({ pid }) => String(pid));
      run('ip', 'link', 'add', LINK, 'netns', first, 'type', 'veth', 'peer', 'name', LINK, 'netns', second);
      NAMES.forEach((name, host) => {
        const on = (...words: readonly string[]) => run('nsenter', ...hosts.#within(host), ...words);
        on('hostname', name);
        on('ip', 'addr', 'add', `${addressOf(host)}/24`, 'dev', LINK);
        for (const device of ['lo', LINK]) on('ip', 'link', 'set', device, 'up');
      });
      // in the place of ssh: it is given a host and a command
      writeFileSync(agent, `#!/bin/sh\nshift\nexec nsenter ${hosts.#within(1).join(' ')} sh -c "$*"\n`);
      chmodSync(agent, 0o755);
      return hosts;
    } catch (error) {
      hosts[Symbol.dispose]();
      throw error;
    }
  }

  #within(host: number): readonly string[] {
    return ['-t', String(this.#holders[host].pid), '-n', '-u'];
  }

  /** Where ranks are all on the first host. */
  get first(): Place {
    return { before: ['nsenter', ...this.#within(0)], options: [], seconds: 180 };
  }

  /** Where Open MPI starts two ranks: one on each. */
  get both(): Place {
    const interfaces = ['btl_tcp_if_include', 'oob_tcp_if_include'].flatMap((
      name,
    ) => ['--mca', name, `${NETWORK}.0/24`]);
    return { ...this.first,
      options: ['--host', NAMES.map((_, host) => `${addressOf(host)}:1`).join(','), '--mca', 'plm_rsh_agent',
        this.#agent, ...interfaces] };
  }

  /** Ends all that still runs on the hosts, such as a daemon whose line is gone. */
  [Symbol.dispose](): void {
    const own = spaceOf('self');
    const spaces = this.#holders.map(({ pid }) => spaceOf(String(pid))).filter((space) => space !== own);
    for (const holder of this.#holders) holder.kill('SIGKILL');
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      const space = spaceOf(pid);
      if (space !== undefined && spaces.includes(space)) process.kill(Number(pid), 'SIGKILL');
    }
  }
}
