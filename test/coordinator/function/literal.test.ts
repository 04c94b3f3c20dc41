import test from 'ava'
import { FunctionError } from '../../../coordinator/function/function.js'
import { literalFunction } from '../../../coordinator/function/literal.js'
import { callBundled } from './sandbox.js'

// biome-ignore lint/suspicious/noExplicitAny: tests give functions of all kinds
type Any = any

async function textOf(fn: Any): Promise<string> {
  return new TextDecoder().decode((await literalFunction(fn)).bundle?.[0]?.content)
}

async function run(fn: Any, item: unknown): Promise<unknown> {
  const code = await literalFunction(fn)
  const { value, stack } = await callBundled(code, code.function, item)
  if (stack !== undefined) throw new Error(stack)
  return value
}

async function refusal(fn: Any): Promise<FunctionError> {
  try {
    await literalFunction(fn)
  } catch (error) {
    if (error instanceof FunctionError) return error
    throw error
  }
  throw new Error(`taken: ${fn}`)
}

/** Functions that no compiler has touched; free names stay free. */
const raw = (source: string): Any => new Function(`return ${source}`)()

test('arrows, functions, async functions and methods run from their source', async t => {
  const name = 'com' + 'puted'
  const holder = {
    plain(x: number) {
      return x + 1
    },
    async later(x: number) {
      return x + 2
    },
    'quoted name'(x: number) {
      return x + 3
    },
  }
  class Kit {
    static twice(x: number) {
      return x * 2
    }
    get(x: number) {
      return x * 3
    }
  }
  t.is(name, 'computed')
  t.is(await run((x: number) => x * 10, 4), 40)
  t.is(await run((x: number) => ({ x }).x, 4), 4)
  t.is(await run(raw('function fact(n) { return n < 2 ? 1 : n * fact(n - 1) }'), 5), 120)
  t.is(await run(raw('async x => { const { basename } = await import("node:path"); return basename(x) }'), '/a/b'), 'b')
  t.is(await run(raw('x => x // a comment at its end'), 4), 4)
  t.is(await run(holder.plain, 4), 5)
  t.is(await run(holder.later, 4), 6)
  t.is(await run(holder['quoted name'], 4), 7)
  t.is(await run(Kit.twice, 4), 8)
  t.is(await run(Kit.prototype.get, 4), 12)
})

test('built-ins travel by name, without a bundle', async t => {
  const path = async (fn: Any) => (await literalFunction(fn)).function
  t.deepEqual(await literalFunction(Math.sqrt), { runner: 'node', name: 'Math.sqrt', entry: '', function: 'Math.sqrt' })
  t.is(await path(Number.parseFloat), 'parseFloat')
  t.is(await path(JSON.stringify), 'JSON.stringify')
  t.is(await path(encodeURIComponent), 'encodeURIComponent')
  t.is(await path(String), 'String')
  t.is(await path(Array.from), 'Array.from')
  t.is(await path(Buffer.byteLength), 'Buffer.byteLength')
})

test('init and mapper stand beside the function in one file', async t => {
  const code = await literalFunction((a: number, b: number) => a + b, { init: () => 5, mapper: Math.abs })
  t.like(code, { entry: 'literal.mjs', function: 'default', init: 'init', mapper: 'mapper' })
  t.deepEqual(await callBundled(code, 'init', null), { value: 5 })
  t.deepEqual(await callBundled(code, 'mapper', -3), { value: 3 })
})

test('a captured variable is named, with its place and what to do', async t => {
  const factor = Number('3')
  const error = await refusal((x: number) => {
    const own = x
    return own * factor
  })
  t.is(error.code, 'FUNCTION_CAPTURE')
  t.regex(error.message, /uses what a worker does not have: factor\n/)
  t.regex(error.message, /factor \(line 3, column 22 of the function\) is not declared in it/)
  t.regex(error.message, /shared.*fromModule/)
  t.regex((await refusal(raw('x => x * factor'))).message, /factor \(line 1, column 10 /)
})

test('every captured variable is named once', async t => {
  const { message } = await refusal(raw('x => a(b, () => a, { c, d: 1 }, typeof e, [...f].map(g => g)) + (h = 1)'))
  t.true(message.includes('does not have: a, b, c, e, f, h\n'), message)
})

test('names that are declared inside, globals and properties are no captures', async t => {
  const fine = [
    'function (a, { b, ...c }, [d] = [1], e = a) { var f; let g; const h = 1; class I {} function j() {} return arguments.length }',
    'x => { try { throw x } catch (error) { return error } }',
    'x => { for (const i of [1]) label: for (;;) break label; return globalThis.foo?.bar.baz }',
    'x => [undefined, NaN, Infinity, Math, Buffer, process, URL, structuredClone, fetch, performance, console, setTimeout]',
    'x => { y = () => y; var y; return { x, z: 1 } }',
    'x => class A { #p = 1; static s = this.name; m() { return super.toString() + this.#p } }',
    'function () { return this }',
  ]
  for (const source of fine) await t.notThrowsAsync(literalFunction(raw(source)), source)
})

test('what belongs to the surroundings of a literal is refused, each with its reason', async t => {
  t.regex(
    (await refusal(raw('x => require("fs")'))).message,
    /require .*belongs to a CommonJS module; use await import/,
  )
  t.regex((await refusal(raw('x => __dirname + module.id'))).message, /does not have: __dirname, module\n/)
  t.regex((await refusal(raw('x => () => this.y'))).message, /this .* is that of its surroundings/)
  t.regex((await refusal(raw('({ f() { return super.f() } }).f'))).message, /super .* is that of its object/)
  t.regex((await refusal(() => import.meta.url)).message, /import\.meta .* is that of its module/)
  t.regex((await refusal(raw('x => import("lodash")'))).message, /import\("lodash"\) .* built-in modules/)
  t.regex((await refusal(raw('x => import("./near.js")'))).message, /import\("\.\/near\.js"\)/)
  t.regex((await refusal(raw('x => import(x)'))).message, /import\(…\)/)
  t.regex((await refusal(raw('({ [key]: 1, f: x => arguments })'.replace('[key]: 1, ', '')).f)).message, /arguments/)
  const loop: Any = raw('(() => { const loop = n => loop(n); return loop })()')
  t.regex((await refusal(loop)).message, /its own name, which it has only as "function loop/)
})

test('bound functions, classes, generators, getters and methods of prototypes are refused by what they are', async t => {
  const getter = Object.getOwnPropertyDescriptor(
    {
      get g() {
        return 1
      },
    },
    'g',
  )?.get
  class Own {}
  t.regex((await refusal((() => 1).bind(null))).message, /is bound/)
  t.regex((await refusal(Own)).message, /"Own" is a class/)
  t.regex((await refusal(Map)).message, /Map is a class.*x => new Map\(x\)/)
  t.regex((await refusal(raw('function* g() {}'))).message, /is a generator/)
  t.regex((await refusal(raw('({ async *g() {} }).g'))).message, /is a generator/)
  t.regex((await refusal(getter)).message, /means nothing on its own/)
  t.regex(
    (await refusal(String.prototype.trim)).message,
    /String\.prototype\.trim needs a "this": write x => x\.trim\(\)/,
  )
  t.regex((await refusal(Proxy.revocable(() => 1, {}).proxy)).message, /native code/)
  t.regex((await refusal(raw('function (a) { with (a) return b }'))).message, /code that modules forbid/)
  t.regex((await refusal('Math.sqrt')).message, /Expected a function as the function, got string/)
})

test('the helper of compilers that keep names is supplied', async t => {
  const fn = raw('x => { const inner = __name(y => y, "inner"); return inner.name + x }')
  t.is(await run(fn, '!'), 'inner!')
  t.false((await textOf((x: number) => x)).includes('__name'))
})
