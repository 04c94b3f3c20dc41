// What a module exports against what was asked for. In: the names of both. Out: nothing, or an error that lists what there
// is and guesses what was meant.
import { FunctionError } from './function.js'
import { nearest } from './nearest.js'

/** Throws unless the module exports the name. `wanted` says what for: "function", "init", "mapper". */
export function checkExport(file: string, exports: readonly string[], name: string, wanted: string): void {
  if (exports.includes(name)) return
  const what = name === 'default' ? 'default export' : `export "${name}"`
  throw new FunctionError(
    'FUNCTION_EXPORT',
    `${file} has no ${what} (asked for as the ${wanted}).${advice(file, exports, name, wanted)}`,
  )
}

function advice(file: string, exports: readonly string[], name: string, wanted: string): string {
  if (exports.length === 0) return ' It exports nothing: put "export" before the function.'
  const listed = ` It exports: ${[...exports].sort().join(', ')}.`
  const near = nearest(name, exports)
  if (near !== undefined) return `${listed} Did you mean "${near}"?`
  const named = exports.find(each => each !== 'default') ?? 'default'
  if (name === 'default' && wanted === 'function') return `${listed} Name the one you mean: ${file}#${named}`
  return listed
}
