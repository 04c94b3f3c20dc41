// Ctrl-C and its kin. The first SIGINT, SIGTERM or SIGHUP asks for an end in good order; the second ends the process at
// once (workers die with it: their pipes close).
// Always true: after stop() the signals do what they always did. Idempotent.
import { EXIT } from './fault.js'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export const onInterrupt = (first: (signal: NodeJS.Signals) => void, secondExitCode: number = EXIT.interrupted) => {
  let asked = false
  const heard = (signal: NodeJS.Signals): void => {
    if (asked) process.exit(secondExitCode)
    asked = true
    first(signal)
  }
  for (const signal of SIGNALS) process.on(signal, heard)
  return {
    stop(): void {
      for (const signal of SIGNALS) process.off(signal, heard)
    },
  }
}
