// A function by reference, for the library: which module, which export. In: the module's URL and the export, by name or as
// the function itself. Out: a FunctionReference that carries the function's type, and, once resolved, a JobFunction with the
// module's bundle. Nothing is imported or read before it is resolved.
import { basename, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type AnyFunction, FunctionError, type JobFunction } from './function.js'
import { parseReference } from './reference.js'

/** A module's export, to be given where a function is expected. Made by `fromModule`. */
export class FunctionReference<F extends AnyFunction = AnyFunction> {
  readonly url: string
  readonly export: string | F
  /** Never there: carries the type from the reference to the results. */
  declare readonly type?: F

  constructor(url: string, exported: string | F) {
    this.url = url
    this.export = exported
  }
}

/**
 * A function of a module, by reference: the module is bundled with its dependencies, so that the function may use imports
 * and the module's own variables. Keep it in a module apart from the one that makes the pool, because workers run the whole
 * module: what it does at its top level happens in each of them.
 *
 * `fromModule(import.meta.url, resize)` for the module that calls it, or `fromModule(new URL('./work.ts', import.meta.url), 'resize')`
 * for another one; the type of the latter is given: `fromModule<typeof resize>(…)`. A TypeScript source is taken as it is;
 * compiled code that runs from dist/ refers to the compiled module.
 */
export function fromModule<F extends AnyFunction>(
  url: string | URL,
  exported: F | string = 'default',
): FunctionReference<F> {
  const text = String(url)
  if (!text.startsWith('file:')) {
    throw new FunctionError(
      'FUNCTION_REFERENCE',
      `fromModule expects the URL of a file, such as import.meta.url; got ${JSON.stringify(text)}.`,
    )
  }
  return new FunctionReference<F>(text, exported)
}

export interface FromModuleOptions {
  readonly cwd: string
  /** Exports of the same module, by name or as the function itself. */
  readonly init?: string | AnyFunction
  readonly mapper?: string | AnyFunction
  readonly onWarning?: (message: string) => void
}

export async function resolveFunctionReference(
  reference: FunctionReference,
  options: FromModuleOptions,
): Promise<JobFunction> {
  const { cwd, init, mapper, onWarning } = options
  // A query tells apart several loads of one file (as test runners and watchers do); the file is the same.
  const url = new URL(reference.url)
  url.search = ''
  url.hash = ''
  const path = fileURLToPath(url)
  // Checks the file as the command line does; a Python module has no place behind an import.meta.url.
  const { runner } = parseReference(
    `${path}#${typeof reference.export === 'string' ? reference.export : 'default'}`,
    cwd,
  )
  if (runner !== 'node') throw new FunctionError('FUNCTION_REFERENCE', `${path} is no TypeScript or JavaScript module.`)
  const { bundleNode } = await import('./bundle-node.js')
  const bundle = await bundleNode({
    file: path,
    shown: relative(cwd, path),
    cwd,
    names: {
      function: reference.export,
      ...(init === undefined ? {} : { init }),
      ...(mapper === undefined ? {} : { mapper }),
    },
    ...(onWarning === undefined ? {} : { onWarning }),
  })
  const name = `${basename(path)}#${bundle.names.function}`
  return { runner: 'node', name, bundle: bundle.files, entry: bundle.entry, ...bundle.names }
}
