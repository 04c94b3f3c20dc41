import { execFile } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { CalledFunctions } from '../../../coordinator/function/called.js'
import { fromModule } from '../../../coordinator/function/from-module.js'

const folder = mkdtempSync(join(tmpdir(), 'manyhands-called-'))
const fileOf = (name: string, text: string): URL => {
  writeFileSync(join(folder, name), text)
  return pathToFileURL(join(folder, name))
}

test('what cannot be sent is refused before it is called here, each time', async t => {
  const called = new CalledFunctions()
  const factor = 2
  const captures = (x: number) => x * factor
  for (let nth = 0; nth < 2; nth++) await t.throwsAsync(called.get(captures, true), { message: /factor/ })
  await t.throwsAsync(called.get(5 as never, true), { message: /expected a function/ })
})

test('an export by name is imported here', async t => {
  const file = fileOf('double.mjs', 'export const double = x => 2 * x\nexport default x => -x')
  const called = new CalledFunctions()
  t.is((await called.get(fromModule(file, 'double'), false))?.(4), 8)
  t.is((await called.get(fromModule(file), false))?.(4), -4)
})

test('what cannot be imported is left to workers, and is an error where there are none', async t => {
  const called = new CalledFunctions()
  const broken = fromModule(fileOf('broken.mjs', 'export const f = ;'), 'f')
  t.is(await called.get(broken, false), undefined)
  await t.throwsAsync(called.get(broken, true), { code: 'FUNCTION_FILE', message: /could not be imported here: .*';'/ })
  const missing = fromModule(fileOf('missing.mjs', 'export const f = 1'), 'f')
  t.is(await called.get(missing, false), undefined)
  await t.throwsAsync(called.get(missing, true), { code: 'FUNCTION_EXPORT', message: /has no function f/ })
})

test('a module that is mended is imported by the next call', async t => {
  const called = new CalledFunctions()
  const file = new URL('later.mjs', pathToFileURL(join(folder, '/')))
  t.is(await called.get(fromModule(file, 'f'), false), undefined)
  fileOf('later.mjs', 'export const f = x => x')
  t.is((await called.get(fromModule(file, 'f'), false))?.(3), 3)
})

test('a module that waits at its top level for its own job gets it from workers', async t => {
  const map = fileURLToPath(new URL('../../../coordinator/map.js', import.meta.url))
  const text = `import { fromModule, Pool } from '${map}'
export const double = x => 2 * x
if (process.env.MANYHANDS_WORKER === undefined) {
  const pool = new Pool({ slots: 1 })
  console.log(await pool.map(fromModule(import.meta.url, 'double'), [1, 2, 3]))
  await pool.map(fromModule(import.meta.url, 'double'), [1], { place: 'inline' }).catch(error => console.log(error.message))
  await pool.close()
}`
  fileOf('own.mjs', text)
  const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'own.mjs')])
  t.true(stdout.startsWith('[ 2, 4, 6 ]'), stdout)
  t.true(stdout.includes('it waits for this very job'), stdout)
})
