// A child process of `up`, on a leash: its standard input is a pipe that nobody writes to, and its end is our end.
// In: a program and its words. Out: its lines, and how it ended. Always true: it is in a session of its own, so that
// Ctrl-C reaches us alone and we decide in which order things end.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

export interface Child {
  readonly pid: number | undefined
  /** How it ended, in words; never rejects. */
  readonly ended: Promise<string>
  /** Idempotent; does nothing after the end. */
  signal(signal: NodeJS.Signals): void
  /** Ends it and what it started, at once. Idempotent. */
  kill(): void
  /** Lets go of the leash. */
  release(): void
}

export const startChild = (file: string, args: readonly string[], onLine: (line: string) => void): Child => {
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true })
  // A child that is gone does not take us along.
  child.stdin.on('error', () => {})
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', onLine)
  let isOver = false
  const ended = new Promise<string>(resolve => {
    const end = (how: string): void => {
      isOver = true
      resolve(how)
    }
    child.on('error', error => end(error.message))
    child.on('exit', (code, signal) => end(signal ?? `exit code ${code}`))
  })
  return {
    pid: child.pid,
    ended,
    signal: signal => {
      if (!isOver) child.kill(signal)
    },
    kill: () => {
      if (isOver || child.pid === undefined) return
      try {
        // It leads a group of its own.
        process.kill(-child.pid, 'SIGKILL')
      } catch {
        // Gone in between.
      }
    },
    release: () => {
      child.stdin.end()
    },
  }
}
