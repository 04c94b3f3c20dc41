import test from 'ava'
import { fromModule } from '../../../coordinator/function/from-module.js'
import { SentFunctions } from '../../../coordinator/function/sent.js'

test('a function is made for workers once, whoever makes its closure anew', async t => {
  const sent = new SentFunctions()
  const double = () => (x: number) => x * 2
  t.is(await sent.get(double(), undefined), await sent.get(double(), undefined))
  const init = (shared: unknown) => shared
  t.not(await sent.get(double(), init), await sent.get(double(), undefined))
})

test('natives of one name are told apart', async t => {
  const sent = new SentFunctions()
  t.is((await sent.get(Reflect.get(globalThis, 'isNaN'), undefined)).function, 'isNaN')
  t.is((await sent.get(Number.isNaN, undefined)).function, 'Number.isNaN')
})

test('a module is bundled once for each of its exports', async t => {
  const sent = new SentFunctions()
  const reference = (name: string) => fromModule(new URL('../../../coordinator/crew.js', import.meta.url), name)
  const [first, again] = await Promise.all([
    sent.get(reference('Crew'), undefined).catch(String),
    sent.get(reference('Crew'), undefined).catch(String),
  ])
  t.is(first, again)
  await t.throwsAsync(sent.get(reference('nothing'), undefined), { message: /nothing/ })
  await t.throwsAsync(sent.get(reference('nothing'), undefined), { message: /nothing/ })
})
