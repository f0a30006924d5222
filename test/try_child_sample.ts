/** A process that is asked to try files, for tests: what a file's name says happens. */
process.on('disconnect', () => process.exit());
process.on('message', (path: string) => {
  if (path.includes('crash')) process.kill(process.pid, 'SIGSEGV');
  else if (path.includes('leave')) process.exit(3);
  else if (!path.includes('hang')) process.send?.({ frames: 1, width: 2, height: 2 });
});
