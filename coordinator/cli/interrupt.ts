// Ctrl-C and its kin. The first SIGINT, SIGTERM or SIGHUP asks for an end in good order; the second ends the process at
// once (workers die with it: their pipes close).
// Always true: after stop() the signals do what they always did. Idempotent.
import { EXIT } from './fault.js'

// timeout(1), npx and the like pass on a signal that the terminal sent to us as well: both are one Ctrl-C.
const ECHO_MS = 100
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export const onInterrupt = (first: (signal: NodeJS.Signals) => void, secondExitCode: number = EXIT.interrupted) => {
  let askedAtMs: number | undefined
  const heard = (signal: NodeJS.Signals): void => {
    const nowMs = performance.now()
    if (askedAtMs === undefined) {
      askedAtMs = nowMs
      first(signal)
    } else if (nowMs - askedAtMs > ECHO_MS) process.exit(secondExitCode)
  }
  for (const signal of SIGNALS) process.on(signal, heard)
  return {
    stop(): void {
      for (const signal of SIGNALS) process.off(signal, heard)
    },
  }
}
