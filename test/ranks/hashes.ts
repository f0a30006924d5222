/** Every training on every number of ranks: the bits are those of the first. */
import { markdownTable } from '../../train/log/table.ts';
import { type Found, hashOf, type Laboratory } from './laboratory.ts';

const ranksText = (count: number) => `${count} ${count === 1 ? 'rank' : 'ranks'}`;

export function hashes(lab: Laboratory, counts: readonly number[]): Found {
  const columns = counts.map((count) => {
    const jobs = Object.entries(lab.trainings).map(([name, config]) => ({ config, out: lab.at(`${count} ${name}`) }));
    lab.run(count, jobs);
    return jobs.map(({ out }) => hashOf(out));
  });
  const rows = Object.keys(lab.trainings).map((name, i) => [name, ...columns.map((column) => column[i])]);
  return { title: `Weights and moments, ${lab.name}`,
    table: markdownTable(['training', ...counts.map(ranksText)], rows),
    failed: rows.filter(([, first, ...others]) => first === 'none' || others.some((hash) => hash !== first)).length };
}

/** Runs that go on with another number of ranks after each of their steps. */
export function chain(lab: Laboratory): Found {
  const counts = [1, 2, 4, 1];
  const all = Object.entries(lab.trainings).map(([name, { train, ...config }]) => ({ name,
    config: { ...config, train: { ...train, steps: counts.length } }, out: lab.at(`chain ${name}`),
    quiet: lab.at(`at once ${name}`) })
  );
  counts.forEach((count, i) =>
    lab.run(count,
      all.map(({ config, out }) => ({ config, out, resume: i > 0, ...(i < counts.length - 1 && { asked: 0 }) })))
  );
  lab.run(1, all.map(({ config, quiet }) => ({ config, out: quiet })));
  const rows = all.map(({ name, out, quiet }) => [name, ...[out, quiet].map((run) => hashOf(run, counts.length))]);
  return { title: `A run that goes on with other ranks, ${lab.name}`,
    table: markdownTable(['training', counts.join(' → '), '1 rank, at once'], rows),
    failed: rows.filter(([, own, quiet]) => own === 'none' || own !== quiet).length };
}
