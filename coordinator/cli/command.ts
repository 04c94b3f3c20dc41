// What every command is: a function from what the user wrote to an exit code.
import type { Settings } from './settings.js'

/** What the user wrote after the command's name, apart from options. */
export interface Invocation {
  readonly settings: Settings
  readonly operands: readonly string[]
  /** What stands behind `--`; `undefined` without one. */
  readonly rest: readonly string[] | undefined
}

/** Runs to its end and resolves with the exit code. */
export type Command = (invocation: Invocation) => Promise<number>
