import { pathToFileURL } from 'node:url'
import test from 'ava'
import {
  type FunctionReference,
  fromModule,
  resolveFunctionReference,
} from '../../../coordinator/function/from-module.js'
import { FunctionError } from '../../../coordinator/function/function.js'
import { callBundled, makeSandbox } from './sandbox.js'

const SOURCE = `
const factor: number = 3
export function triple(x: number) { return x * factor }
function inner(x: number) { return x + factor }
export { inner as outer }
export default function half(x: number) { return x / 2 }
export const begin = () => 7
`

test('an export is found by its name, as the function itself, under another name, and as the default', async t => {
  const sandbox = makeSandbox({ 'work.ts': SOURCE })
  t.teardown(sandbox.remove)
  const url = pathToFileURL(`${sandbox.folder}/work.ts`).href
  const named = (name: string) => Object.defineProperty((x: number) => x, 'name', { value: name })
  for (const [wanted, expected, value] of [
    ['triple', 'triple', 12],
    [named('triple'), 'triple', 12],
    [named('inner'), 'outer', 7],
    [named('half'), 'default', 2],
    [undefined, 'default', 2],
  ] as const) {
    const reference = fromModule(`${url}?again=1`, wanted)
    const code = await resolveFunctionReference(reference, { cwd: sandbox.folder, init: named('begin') })
    t.like(code, { runner: 'node', function: expected, init: 'begin', name: `work.ts#${expected}` })
    t.deepEqual(await callBundled(code, code.function, 4), { value })
  }
  const stranger = resolveFunctionReference(fromModule(url, named('stranger')), { cwd: sandbox.folder })
  const error = await t.throwsAsync(stranger, { instanceOf: FunctionError })
  t.regex(error.message, /"stranger" is not an export of work\.ts \(it exports begin, default, outer, triple\)/)
  const nameless = resolveFunctionReference(fromModule(url, named('')), { cwd: sandbox.folder })
  await t.throwsAsync(nameless, { message: /without a name/ })
})

test('the type of the function stays with its reference', t => {
  const reference = fromModule(import.meta.url, Math.hypot)
  const typed: FunctionReference<(...values: number[]) => number> = reference
  t.is(typed.url, import.meta.url)
  // @ts-expect-error a reference to another function's type
  const wrong: FunctionReference<(text: string) => string> = reference
  t.is(wrong.export as unknown, Math.hypot)
})

test('only files are modules that can be sent', async t => {
  t.throws(() => fromModule('https://example.org/a.js', 'f'), { message: /expects the URL of a file/ })
  t.throws(() => fromModule('./a.js', 'f'), { message: /got "\.\/a\.js"/ })
  const gone = resolveFunctionReference(fromModule('file:///no/such/place/a.ts', 'f'), { cwd: '/' })
  await t.throwsAsync(gone, { message: /does not exist/ })
})
