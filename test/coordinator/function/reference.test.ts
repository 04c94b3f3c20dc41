import { join } from 'node:path'
import test from 'ava'
import { FunctionError } from '../../../coordinator/function/function.js'
import { parseReference, resolveReference } from '../../../coordinator/function/reference.js'
import { makeSandbox } from './sandbox.js'

function refusal(run: () => unknown): { code: string; message: string } {
  try {
    run()
  } catch (error) {
    if (error instanceof FunctionError) return { code: error.code, message: error.message }
    throw error
  }
  throw new Error('nothing was refused')
}

test('a reference is a file and, after the last #, a name', t => {
  const sandbox = makeSandbox({ 'sub/work.ts': '', 'odd#name.py': '' })
  t.teardown(sandbox.remove)
  t.deepEqual(parseReference('sub/work.ts#resize', sandbox.folder), {
    runner: 'node',
    file: join(sandbox.folder, 'sub/work.ts'),
    shown: 'sub/work.ts',
    export: 'resize',
  })
  t.deepEqual(parseReference('odd#name.py#f', sandbox.folder), {
    runner: 'python',
    file: join(sandbox.folder, 'odd#name.py'),
    shown: 'odd#name.py',
    export: 'f',
  })
  t.is(parseReference(join(sandbox.folder, 'sub/work.ts'), '/').export, undefined)
})

test('every extension of Node and Python is taken', t => {
  const names = ['a.ts', 'a.mts', 'a.cts', 'a.js', 'a.mjs', 'a.cjs', 'a.py']
  const sandbox = makeSandbox(Object.fromEntries(names.map(name => [name, ''])))
  t.teardown(sandbox.remove)
  const runners = names.map(name => parseReference(name, sandbox.folder).runner)
  t.deepEqual(runners, ['node', 'node', 'node', 'node', 'node', 'node', 'python'])
})

test('a file that is not there is named, with the place that was looked at and the nearest module', t => {
  const sandbox = makeSandbox({ 'resize.ts': '' })
  t.teardown(sandbox.remove)
  const { code, message } = refusal(() => parseReference('rezise.ts#f', sandbox.folder))
  t.is(code, 'FUNCTION_FILE')
  t.true(
    message.includes('rezise.ts') && message.includes(sandbox.folder) && message.includes('Did you mean resize.ts?'),
  )
  t.regex(refusal(() => parseReference('nowhere/a.ts', sandbox.folder)).message, /folder .*nowhere does not exist/)
})

test('a folder, an unknown extension, no file and an empty name are refused with what is expected', t => {
  const sandbox = makeSandbox({ 'a.rb': '', 'b.ts/inside': '', plain: '' })
  t.teardown(sandbox.remove)
  const says = (text: string) => refusal(() => parseReference(text, sandbox.folder)).message
  t.regex(says('b.ts'), /b\.ts is not a file/)
  t.regex(says('a.rb#f'), /no runner takes files that end in "\.rb".*\.ts .*\.py.*-- COMMAND/)
  t.regex(says('plain'), /no extension/)
  t.regex(says('#f'), /names no file/)
  t.regex(says('a.ts#'), /no name after the "#"/)
})

test('a missing export is refused with the exports there are and the nearest of them', async t => {
  const sandbox = makeSandbox({ 'work.ts': 'export const resize = 1\nexport const blur = 2\n' })
  t.teardown(sandbox.remove)
  const { folder } = sandbox
  const error = await t.throwsAsync(resolveReference('work.ts#rezise', { cwd: folder }), { instanceOf: FunctionError })
  t.is(error.code, 'FUNCTION_EXPORT')
  t.regex(error.message, /work\.ts has no export "rezise".*It exports: blur, resize\. Did you mean "resize"\?/)
  const noDefault = await t.throwsAsync(resolveReference('work.ts', { cwd: folder }))
  t.regex(noDefault.message, /no default export.*blur, resize.*work\.ts#blur/)
  const noInit = await t.throwsAsync(resolveReference('work.ts#resize', { cwd: folder, init: 'open' }))
  t.regex(noInit.message, /no export "open" \(asked for as the init\)/)
})

test('a Python reference carries its files, and the names to look for in the worker', async t => {
  const sandbox = makeSandbox({ 'work.py': 'import near\n', 'near.py': 'x = 1\n', 'data.txt': 'no' })
  t.teardown(sandbox.remove)
  const named = await resolveReference('work.py#f', { cwd: sandbox.folder, init: 'begin', mapper: 'each' })
  t.like(named, { runner: 'python', name: 'work.py#f', entry: 'work.py', function: 'f', init: 'begin', mapper: 'each' })
  t.deepEqual(
    named.bundle?.map(({ path }) => path),
    ['near.py', 'work.py'],
  )
  const only = await resolveReference('work.py', { cwd: sandbox.folder })
  t.is(only.function, 'default')
  t.false('init' in only)
})
