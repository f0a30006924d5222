/** A process that is asked to compile programs, for tests: what a program's text says happens. */
process.on('disconnect', () => process.exit());
process.on('message', ({ code, entries }) => {
  if (entries === undefined) return; // it was told of the device
  if (code.includes('leave')) process.exit(3);
  else if (!code.includes('hang')) process.send({ seconds: code.length });
});
