// In: a function of the running program. Out: a JobFunction that carries its source text, or, for a built-in, its name.
// The function must be self-contained: in a worker there is nothing around it but the globals of Node and, by import() with
// a plain string, Node's built-in modules. Whatever else it uses is an error that names it; nothing is left for the worker
// to stumble over.
import type { BundleFile } from '../../proto/bundle.js'
import { builtInPath, prototypePath } from './built-in.js'
import type { Capture } from './captures.js'
import { type AnyFunction, FunctionError, type JobFunction } from './function.js'
import { isPlain } from './plain.js'

const ENTRY = 'literal.mjs'
// A tool that compiles and keeps names (tsx and others, by esbuild's keepNames) wraps functions in calls of this helper.
const NAME_HELPER =
  "const __name = (target, value) => Object.defineProperty(target, 'name', { value, configurable: true })\n"

export async function literalFunction(
  fn: AnyFunction,
  options: { readonly init?: AnyFunction; readonly mapper?: AnyFunction } = {},
): Promise<JobFunction> {
  const { init, mapper } = options
  const path = expressions.has(fn) ? undefined : builtInPath(fn)
  if (path !== undefined && init === undefined && mapper === undefined) {
    return { runner: 'node', name: path, entry: '', function: path }
  }
  const parts = [`export default ${await expressionOf(fn, 'function')}\n`]
  if (init !== undefined) parts.push(`export const init = ${await expressionOf(init, 'init')}\n`)
  if (mapper !== undefined) parts.push(`export const mapper = ${await expressionOf(mapper, 'mapper')}\n`)
  const text = parts.join('')
  const content = new TextEncoder().encode(/\b__name\b/.test(text) ? NAME_HELPER + text : text)
  const bundle: BundleFile[] = [{ path: ENTRY, content }]
  return {
    runner: 'node',
    name: path ?? (fn.name || 'function'),
    bundle,
    entry: ENTRY,
    function: 'default',
    ...(init === undefined ? {} : { init: 'init' }),
    ...(mapper === undefined ? {} : { mapper: 'mapper' }),
  }
}

/** The function as an expression that a module without anything else can hold. */
async function expressionOf(fn: AnyFunction, role: string): Promise<string> {
  if (typeof fn !== 'function') {
    throw new FunctionError(
      'FUNCTION_LITERAL',
      `Expected a function as the ${role}, got ${fn === null ? 'null' : typeof fn}.`,
    )
  }
  const known = expressions.get(fn)
  if (known !== undefined) return known
  const path = builtInPath(fn)
  if (path !== undefined) return path
  const expression = await literalOf(fn, role)
  expressions.set(fn, expression)
  return expression
}

// A function's source never changes, and reading it takes longer than a small job.
const expressions = new WeakMap<AnyFunction, string>()

async function literalOf(fn: AnyFunction, role: string): Promise<string> {
  const source = Function.prototype.toString.call(fn)
  if (/\{\s*\[native code\]\s*\}\s*$/.test(source)) throw noSource(fn, role)
  // The line feed ends a comment that the source might end with.
  const expression = `(${source}\n)`
  if (isPlain(source)) return expression
  // Loading the parser takes longer than all the rest.
  const { readFunction } = await import('./captures.js')
  const reading = readFunction(source)
  const title = titleOf(fn, role)
  if (reading === undefined) {
    throw refused(
      `${title} has a source that means nothing on its own (a getter, a private method, or code that modules forbid)`,
    )
  }
  if (reading.type === 'class') throw refused(`${title} is a class, which cannot be called without "new"`)
  if (reading.type === 'generator') throw refused(`${title} is a generator, whose result is no value that can be sent`)
  const captures = reading.captures.filter(({ what }) => what !== '__name')
  if (captures.length > 0) throw captured(fn, title, captures)
  if (reading.form === 'expression') return expression
  return `(holder => holder[Reflect.ownKeys(holder)[0]])({ ${source}\n})`
}

function titleOf(fn: AnyFunction, role: string): string {
  const name = fn.name === '' ? 'without a name' : `"${fn.name}"`
  return `The ${role === 'function' ? 'function' : `${role} function`} ${name}`
}

function refused(why: string): FunctionError {
  return new FunctionError(
    'FUNCTION_LITERAL',
    `${why}. Write an ordinary function, or export one from a module and pass fromModule(url, 'name').`,
  )
}

function noSource(fn: AnyFunction, role: string): FunctionError {
  const title = titleOf(fn, role)
  if (fn.name.startsWith('bound ')) {
    return refused(`${title} is bound: what it is bound to cannot be sent along`)
  }
  const path = prototypePath(fn)
  if (path !== undefined) return refused(`${path} needs a "this": write x => x.${fn.name}() instead`)
  return refused(`${title} is native code that is not found from the global object`)
}

const REASONS: Readonly<Record<Capture['kind'], string>> = {
  variable: 'is not declared in it',
  this: 'is that of its surroundings',
  super: 'is that of its object',
  meta: 'is that of its module',
  import: 'is not one of Node’s built-in modules by its plain name, and nothing else can be found from a literal',
}
// What CommonJS modules have around them, and what ES modules and literals have not.
const MODULE_NAMES = new Set(['require', 'module', 'exports', '__filename', '__dirname'])

function captured(fn: AnyFunction, title: string, captures: readonly Capture[]): FunctionError {
  const lines = captures.map(({ what, kind, line, column }) => {
    const where = `line ${line}, column ${column} of the function`
    if (MODULE_NAMES.has(what))
      return `  ${what} (${where}) belongs to a CommonJS module; use await import('node:…') for a built-in`
    if (what === fn.name)
      return `  ${what} (${where}) is its own name, which it has only as "function ${what}(…) { … }"`
    return `  ${what} (${where}) ${REASONS[kind]}`
  })
  const names = captures.map(({ what }) => what).join(', ')
  return new FunctionError(
    'FUNCTION_CAPTURE',
    `${title} uses what a worker does not have: ${names}\n${lines.join('\n')}\n` +
      "Declare it inside, pass it with the items or as `shared`, or export the function from a module and pass fromModule(url, 'name').",
  )
}
