// A user's function on its way to the workers: by reference (a module's export), by source (a self-contained literal), by
// name (a built-in), or a command. In: what the user wrote. Out: a JobFunction, everything an agent needs to run it.
import type { BundleFile } from '../../proto/bundle.js'
import type { RunnerName } from '../../proto/shard.js'

export type { AnyFunction } from '../../proto/loop.js'

export interface JobFunction {
  readonly runner: RunnerName
  /** For people. */
  readonly name: string
  /** The same sources give the same bytes. Absent for `exec` and for built-ins. */
  readonly bundle?: readonly BundleFile[]
  /** The file in the bundle that holds the function; empty without a bundle. */
  readonly entry: string
  /** The export's name, `default` without one (Python: the only public function); empty for `exec`. */
  readonly function: string
  readonly init?: string
  readonly mapper?: string
  readonly command?: { readonly argv: readonly string[]; readonly shell: boolean }
}

export type FunctionErrorCode =
  /** The reference itself cannot be understood, or its file has an extension that no runner takes. */
  | 'FUNCTION_REFERENCE'
  /** There is no such file. */
  | 'FUNCTION_FILE'
  /** The module has no such export. */
  | 'FUNCTION_EXPORT'
  /** The bundler refused the sources. */
  | 'FUNCTION_BUILD'
  /** The code needs a native addon, which cannot travel. */
  | 'FUNCTION_NATIVE'
  /** Too many files or bytes to ship, or names that not every host can hold. */
  | 'FUNCTION_SIZE'
  /** A literal uses what lies outside of it. */
  | 'FUNCTION_CAPTURE'
  /** A literal has no source that could travel: bound, native, a class, a generator. */
  | 'FUNCTION_LITERAL'
  | 'FUNCTION_COMMAND'

/** A function that cannot be sent. The message says what, where and what to do; no stack is needed to understand it. */
export class FunctionError extends Error {
  readonly code: FunctionErrorCode
  override readonly name = 'FunctionError'

  constructor(code: FunctionErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
