import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { IdleCores } from '../../proto/idle-cores.js'

const after = (...counts: (number | undefined)[]): boolean | undefined => {
  const cores = new IdleCores(4, () => counts.shift())
  let isNone = cores.look()
  while (counts.length > 0) isNone = cores.look()
  return isNone
}

test('no core is idle when several looks in a row have found none; before that nobody knows', t => {
  t.is(after(4), undefined)
  t.is(after(4, 5), undefined)
  t.true(after(4, 5, 4))
  t.true(after(1, 9, 9, 9))
  t.is(after(4, 4, 3, 4, 4), undefined, 'what runs for a moment does not count')
})

test('one look that finds an idle core is enough, and where the system does not tell, there is room', t => {
  t.false(after(3))
  t.false(after(9, 9, 3))
  t.false(after(undefined, undefined, undefined, undefined))
})

test('processes that keep every core busy are seen', async t => {
  const seconds = 20
  const program = `const until = Date.now() + ${seconds * 1000}; while (Date.now() < until);`
  const busy = Array.from({ length: availableParallelism() }, () => spawn(process.execPath, ['-e', program]))
  t.teardown(() => Promise.all(busy.map(child => child.kill('SIGKILL') && once(child, 'exit'))))
  const cores = new IdleCores()
  let isNone: boolean | undefined
  for (let tries = 0; tries < 100 && isNone !== true; tries++) {
    await sleep(50)
    isNone = cores.look()
  }
  t.true(isNone)
})
