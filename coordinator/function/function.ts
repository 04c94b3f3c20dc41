// A user's function on its way to the workers: by reference (a module's export), by source (a self-contained literal), by
// name (a built-in), or a command. In: what the user wrote. Out: a JobFunction, everything an agent needs to run it.
import type { RunnerName } from '../../proto/shard.js'

export interface JobFunction {
  readonly runner: RunnerName
  /** For people. */
  readonly name: string
  /** An encoded wire `Bundle`; absent for `exec` and for built-ins. */
  readonly bundle?: Uint8Array
  /** The file in the bundle that holds the function. */
  readonly entry: string
  readonly function: string
  readonly init?: string
  readonly mapper?: string
  readonly command?: { readonly argv: readonly string[]; readonly shell: boolean }
}
