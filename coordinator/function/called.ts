// A function that the library was given, as this process calls it. In: a function, or a reference to a module's export. Out:
// something to call, or nothing where only a worker can. Always true: a function that no worker could have is refused whoever
// would run it, so that no job fails only because it grew; a module that does not come is waited for no longer than said here.
import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Mappable } from '../options.js'
import { FunctionReference } from './from-module.js'
import { type AnyFunction, FunctionError } from './function.js'
import { checkLiteral } from './sent.js'

/**
 * A module may be waiting, at its top level, for the very job that wants it: its import would never come. The program's own
 * module has been read already, so that its import comes at once, if ever.
 */
const OWN_MODULE_SECONDS = 0.02
/** Others have to be read. Smaller: modules that load slowly are loaded by workers as well. Larger: such a circle holds a job. */
const MODULE_SECONDS = 2

/** How a module's import ended. */
type Imported =
  | { readonly state: 'loaded'; readonly module: Record<string, unknown> }
  | { readonly state: 'failed'; readonly error: unknown }
  | { readonly state: 'late' }

export class CalledFunctions {
  /** As long as its import is under way, or was of use. */
  readonly #imports = new Map<string, Promise<Imported>>()

  /** `isInline`: there is no worker, so that what cannot be called is an error. */
  async get(fn: Mappable<AnyFunction>, isInline: boolean): Promise<AnyFunction | undefined> {
    if (!(fn instanceof FunctionReference)) {
      await checkLiteral(fn)
      return fn
    }
    if (typeof fn.export === 'function') return fn.export
    const found = await this.#import(fn.url)
    const exported = found.state === 'loaded' ? found.module[fn.export] : undefined
    if (typeof exported === 'function') return exported as AnyFunction
    // Workers may do better: their bundle takes TypeScript, too; or they say what is wrong.
    if (!isInline) return undefined
    throw notCallable(fn.url, fn.export, found)
  }

  #import(url: string): Promise<Imported> {
    const known = this.#imports.get(url)
    if (known !== undefined) return known
    const imported = import(url).then(
      (module: Record<string, unknown>): Imported => ({ state: 'loaded', module }),
      (error: unknown): Imported => {
        // A file that was mended may be tried again.
        this.#imports.delete(url)
        return { state: 'failed', error }
      },
    )
    const inTime = within(imported, isOwnModule(url) ? OWN_MODULE_SECONDS : MODULE_SECONDS)
    this.#imports.set(url, inTime)
    // One that comes late is of use to later calls.
    void imported.then(end => {
      if (end.state === 'loaded') this.#imports.set(url, imported)
    })
    return inTime
  }
}

const within = (imported: Promise<Imported>, seconds: number): Promise<Imported> =>
  new Promise(resolve => {
    const timer = setTimeout(resolve, seconds * 1000, { state: 'late' })
    void imported.then(end => {
      clearTimeout(timer)
      resolve(end)
    })
  })

/** Whether it is the module that this process was started with. */
const isOwnModule = (url: string): boolean => {
  const [, main] = process.argv
  try {
    return main !== undefined && realpathSync(main) === realpathSync(fileURLToPath(withoutQuery(url)))
  } catch {
    return false
  }
}

const withoutQuery = (url: string): URL => {
  const file = new URL(url)
  file.search = ''
  file.hash = ''
  return file
}

const notCallable = (url: string, name: string, found: Imported): FunctionError => {
  if (found.state === 'late')
    return new FunctionError(
      'FUNCTION_FILE',
      `${url} is not loaded yet: it waits for this very job. Pass the function itself, fromModule(import.meta.url, ${name}), or move it into a module of its own.`,
    )
  if (found.state === 'loaded') return new FunctionError('FUNCTION_EXPORT', `${url} has no function ${name}.`)
  const { error } = found
  const why = error instanceof Error ? error.message : String(error)
  return new FunctionError('FUNCTION_FILE', `${url} could not be imported here: ${why}`, { cause: error })
}
