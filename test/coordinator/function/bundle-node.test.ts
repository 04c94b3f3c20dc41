import { createHash } from 'node:crypto'
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { FunctionError, type JobFunction } from '../../../coordinator/function/function.js'
import { resolveReference } from '../../../coordinator/function/reference.js'
import { callBundled, makeSandbox, type Sandbox } from './sandbox.js'

function sandboxed(t: ExecutionContext, files: Record<string, string>): Sandbox {
  const sandbox = makeSandbox(files)
  t.teardown(sandbox.remove)
  return sandbox
}

async function run(sandbox: Sandbox, reference: string, item: unknown): Promise<unknown> {
  const code = await resolveReference(reference, { cwd: sandbox.folder })
  const { value, stack } = await callBundled(code, code.function, item)
  if (stack !== undefined) throw new Error(stack)
  return value
}

function textOf(code: JobFunction): string {
  return new TextDecoder().decode(code.bundle?.[0]?.content)
}

test('named and default exports of TypeScript with type-only constructs run', async t => {
  const sandbox = sandboxed(t, {
    'shape.ts': 'export interface Shape { side: number }\nexport type Side = number\n',
    'work.ts': `
      import type { Shape, Side } from './shape.ts'
      import { type Shape as Again } from './shape.js'
      enum Unit { Metre = 3 }
      export function area({ side }: Shape): Side { return (side * side) as Side satisfies number }
      export default <T extends Again>(shape: T): number => shape.side! * Unit.Metre
    `,
  })
  t.is(await run(sandbox, 'work.ts#area', { side: 4 }), 16)
  t.is(await run(sandbox, 'work.ts', { side: 4 }), 12)
})

test('local imports, dynamic ones, JSON and top-level await come along', async t => {
  const sandbox = sandboxed(t, {
    'lib/add.ts': 'export const add = (a: number, b: number) => a + b\n',
    'lib/late.mts': 'export const late = 100\n',
    'table.json': '{ "bonus": 1000 }\n',
    'work.ts': `
      import { add } from './lib/add.js'
      import table from './table.json' with { type: 'json' }
      const { late } = await import('./lib/late.mjs')
      const base = await Promise.resolve(10)
      export async function f(x: number) { const again = await import('./lib/late.mjs'); return add(x, base) + late + again.late + table.bonus }
    `,
  })
  t.is(await run(sandbox, 'work.ts#f', 1), 1211)
})

test('CommonJS modules give their exports by name, their default, and require of built-ins', async t => {
  const sandbox = sandboxed(t, {
    'near.cjs': 'exports.three = 3',
    'object.cjs': `
      const path = require('path'); const near = require('./near.cjs'); const os = require('node:os')
      module.exports = { base: x => path.basename(x) + near.three + typeof os.cpus, 'odd-name': x => x + '!' }`,
    'single.js': "const { sep } = require('node:path'); module.exports = x => x + sep",
    'compiled.cjs':
      "Object.defineProperty(exports, '__esModule', { value: true }); exports.default = x => -x; exports.g = x => x",
  })
  t.is(await run(sandbox, 'object.cjs#base', '/a/b'), 'b3function')
  t.is(await run(sandbox, 'object.cjs#odd-name', 'a'), 'a!')
  t.is(await run(sandbox, 'single.js', 'a'), 'a/')
  t.is(await run(sandbox, 'compiled.cjs', 5), -5)
  const error = await t.throwsAsync(run(sandbox, 'object.cjs#bases', 'x'))
  t.regex(error.message, /object\.cjs has no export "bases"\. It exports: base, odd-name\./)
})

test('npm dependencies come along, ES modules and CommonJS ones', async t => {
  const sandbox = sandboxed(t, {
    'work.ts': `
      import { parse } from 'smol-toml'
      import png from 'pngjs'
      import { analyze } from 'eslint-scope'
      export const f = (text: string) => [parse(text).a, typeof png.PNG.sync.write, typeof analyze]`,
  })
  sandbox.linkDependencies()
  t.deepEqual(await run(sandbox, 'work.ts#f', 'a = 7'), [7, 'function', 'function'])
})

test('modules may declare the names that the bundle gives to CommonJS', async t => {
  const sandbox = sandboxed(t, {
    'old.cjs': 'exports.where = () => [__dirname, __filename, typeof require("fs").readFileSync]',
    'work.mts': `
      import { createRequire } from 'node:module'
      import { dirname } from 'node:path'
      import { fileURLToPath } from 'node:url'
      import { where } from './old.cjs'
      const __filename = fileURLToPath(import.meta.url)
      const __dirname = dirname(__filename)
      const require = createRequire(import.meta.url)
      export const f = () => [__dirname === where()[0], __filename === where()[1], where()[2], typeof require('fs').openSync]`,
  })
  t.deepEqual(await run(sandbox, 'work.mts#f', 0), [true, true, 'function', 'function'])
})

test("the stack of a failure names the user's file and line", async t => {
  const lines = [
    'interface Never { a: string }',
    'type Gone = Never',
    'export function f(x: number): number {',
    "  throw new Error('no ' + x)",
    '}',
  ]
  const sandbox = sandboxed(t, { 'package.json': '{}', 'src/deep/work.ts': lines.join('\n') })
  const code = await resolveReference('src/deep/work.ts#f', { cwd: sandbox.folder })
  const { stack } = await callBundled(code, 'f', 1)
  t.regex(stack ?? '', /src\/deep\/work\.ts:4:\d+/)
})

test('the same sources give the same bytes, wherever they lie and whoever stands where', async t => {
  const files = {
    'package.json': '{}',
    'src/work.ts':
      "import { a } from './near.ts'\nimport b from './old.cjs'\nexport const f = (x: number) => x + a + b\n",
    'src/near.ts': 'export const a = 1\n',
    'src/old.cjs': 'module.exports = 1\n',
  }
  const one = sandboxed(t, files)
  const two = sandboxed(t, {})
  mkdirSync(join(two.folder, 'moved/further'), { recursive: true })
  cpSync(one.folder, join(two.folder, 'moved/further'), { recursive: true })
  const hash = (code: JobFunction) => createHash('sha256').update(textOf(code)).digest('hex')
  const first = await resolveReference('src/work.ts#f', { cwd: one.folder })
  const second = await resolveReference('work.ts#f', { cwd: join(two.folder, 'moved/further/src') })
  const other = await resolveReference('src/old.cjs', { cwd: one.folder })
  const otherAgain = await resolveReference('moved/further/src/old.cjs', { cwd: two.folder })
  t.is(hash(first), hash(second))
  t.is(hash(other), hash(otherAgain))
  for (const code of [first, other]) {
    t.false(textOf(code).includes(one.folder))
    const map = /base64,(\S+)/.exec(textOf(code))?.[1] ?? ''
    t.false(Buffer.from(map, 'base64').toString().includes(one.folder))
  }
})

test('a native addon is refused with the name of its package', async t => {
  const sandbox = sandboxed(t, {
    'node_modules/@scope/fast/package.json': '{ "name": "@scope/fast", "main": "index.js" }',
    'node_modules/@scope/fast/index.js': "module.exports = require('./build/fast.node')",
    'node_modules/@scope/fast/build/fast.node': 'ELF',
    'node_modules/bound/package.json': '{ "name": "bound", "main": "index.js" }',
    'node_modules/bound/index.js': "module.exports = require('bindings')('bound')",
    'fast.ts': "import fast from '@scope/fast'\nexport default (x: number) => fast(x)",
    'bound.ts': "import bound from 'bound'\nexport default (x: number) => bound(x)",
  })
  for (const [file, name] of [
    ['fast.ts', '@scope/fast'],
    ['bound.ts', 'bound'],
  ] as const) {
    const error = await t.throwsAsync(resolveReference(file, { cwd: sandbox.folder }), { instanceOf: FunctionError })
    t.is(error.code, 'FUNCTION_NATIVE')
    t.true(error.message.includes(`"${name}" needs a native addon`), error.message)
  }
})

test('a package that loads binaries which the bundler does not see is warned of', async t => {
  const sandbox = sandboxed(t, {
    'node_modules/sharp/package.json':
      '{ "name": "sharp", "main": "lib/index.js", "optionalDependencies": { "@img/sharp-linux-x64": "1" } }',
    'node_modules/sharp/lib/index.js': "module.exports = () => require('@img/sharp-' + process.platform)",
    'node_modules/plain/package.json': '{ "name": "plain", "optionalDependencies": { "fsevents": "1" } }',
    'node_modules/plain/index.js': 'module.exports = 1',
    'work.ts': "import sharp from 'sharp'\nimport plain from 'plain'\nexport default () => [sharp, plain]\n",
  })
  const warnings: string[] = []
  await resolveReference('work.ts', { cwd: sandbox.folder, onWarning: message => warnings.push(message) })
  t.is(warnings.length, 1)
  t.regex(warnings[0] ?? '', /^The package "sharp" has binaries for each platform.*work\.ts will not load there/)
})

test('what the bundler finds odd is said, and lets the bundle be made', async t => {
  const sandbox = sandboxed(t, { 'work.ts': 'export const f = (x: number) => (x === NaN ? 1 : 2)\n' })
  const warnings: string[] = []
  await resolveReference('work.ts#f', { cwd: sandbox.folder, onWarning: message => warnings.push(message) })
  t.regex(warnings.join(), /NaN[\s\S]*work\.ts:1:/)
})

test('what does not build is shown with its file and line, as seen from the current folder', async t => {
  const sandbox = sandboxed(t, {
    'package.json': '{}',
    'src/broken.ts': 'export const a = 1\nexport const = 2\n',
    'src/lonely.ts': "import x from 'not-installed'\nexport default () => x\n",
  })
  const cwd = join(sandbox.folder, 'src')
  const broken = await t.throwsAsync(resolveReference('broken.ts#a', { cwd }), { instanceOf: FunctionError })
  t.is(broken.code, 'FUNCTION_BUILD')
  t.regex(broken.message, /^broken\.ts cannot be bundled:/)
  t.regex(broken.message, /\n {4}broken\.ts:2:13:/)
  t.false(broken.message.includes('    at '))
  const lonely = await t.throwsAsync(resolveReference('lonely.ts', { cwd }))
  t.regex(lonely.message, /Could not resolve "not-installed"[\s\S]*lonely\.ts:1:14/)
})

test('a module that makes a pool of its own is stopped in the worker with an explanation', async t => {
  const sandbox = sandboxed(t, {
    'inner.ts':
      "import { Pool, range } from 'manyhands'\nexport const f = (x: number) => x\nexport const g = () => [Pool, range]\n",
    'outer.ts': "import { Pool } from 'manyhands'\nexport const f = (x: number) => x\nconst pool = new Pool()\n",
  })
  t.is(await run(sandbox, 'inner.ts#f', 3), 3)
  const error = await t.throwsAsync(run(sandbox, 'outer.ts#f', 3))
  t.regex(error.message, /A worker loaded a module that makes a pool of its own/)
})
