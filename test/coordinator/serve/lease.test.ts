// A daemon's tenure: held while it is renewed, over before others may take what it had.
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { Lease } from '../../../coordinator/serve/lease.js'
import { silentLog } from '../../../proto/log.js'
import { type Bucket, StoreConflict, StoreFailure } from '../../../proto/store.js'
import { monotonicSeconds } from '../../../proto/timing.js'

const AGE_SECONDS = 0.8

/** A bucket that does as it is told, and remembers what it was asked for. */
const fake = (t: ExecutionContext) => {
  const puts: string[] = []
  const deleted: string[] = []
  const how = { lateSeconds: 0, fails: false, jumpSeconds: 0 }
  let revision = 0
  const bucket: Bucket = {
    ageSeconds: AGE_SECONDS,
    get: async () => undefined,
    put: async (key, _value, expected) => {
      if (how.lateSeconds > 0) await sleep(how.lateSeconds * 1000)
      if (how.fails) throw new StoreFailure('nobody answers')
      const isNew = !puts.includes(key)
      if (isNew !== (expected === 0)) throw new StoreConflict(`${key} at ${expected}`)
      puts.push(key)
      return ++revision
    },
    delete: async key => void deleted.push(key),
    keys: async () => new Set(),
    onPut: () => ({ close: () => {} }),
  }
  let lost = 0
  const clock = (): number => monotonicSeconds() + how.jumpSeconds
  const lease = new Lease({ bucket, name: 'd', clock, log: silentLog, onLost: () => lost++ })
  t.teardown(() => lease.close())
  return { lease, puts, deleted, how, lost: () => lost }
}

test('a tenure is renewed, and given back when the daemon closes', async t => {
  const { lease, puts, deleted, lost } = fake(t)
  t.is(lease.tenure, undefined)
  await lease.open()
  const { tenure } = lease
  t.regex(tenure ?? '', /^d-[0-9a-f]{6}$/)
  await sleep(1.5 * AGE_SECONDS * 1000)
  t.is(lease.tenure, tenure)
  t.true(puts.length >= 3)
  await lease.close()
  await lease.close()
  t.deepEqual([lease.tenure, deleted, lost()], [undefined, [tenure as string], 0])
})

test('a tenure that is not renewed is over before its key goes; the next one has another name', async t => {
  const { lease, how, lost } = fake(t)
  await lease.open()
  const { tenure } = lease
  how.fails = true
  await sleep(0.5 * AGE_SECONDS * 1000)
  t.is(lease.tenure, tenure)
  await sleep(0.45 * AGE_SECONDS * 1000)
  t.is(lease.tenure, undefined)
  await sleep(0.3 * AGE_SECONDS * 1000)
  t.is(lost(), 1)
  how.fails = false
  await sleep(0.5 * AGE_SECONDS * 1000)
  t.true(lease.tenure !== undefined && lease.tenure !== tenure)
  t.is(lost(), 1)
})

test('a renewal counts from when it was asked for, not from when it came', async t => {
  const { lease, how } = fake(t)
  await lease.open()
  how.lateSeconds = 0.9 * AGE_SECONDS
  // It comes when the tenure that it was asked for would be over.
  await sleep(1.3 * AGE_SECONDS * 1000)
  t.is(lease.tenure, undefined)
})

test('the end of a tenure is told of in time, whatever a renewal is waiting for', async t => {
  const { lease, how, lost } = fake(t)
  await lease.open()
  how.lateSeconds = 3 * AGE_SECONDS
  await sleep(0.95 * AGE_SECONDS * 1000)
  t.is(lost(), 1)
})

test('a process that stood still has no tenure when it goes on, before anything else happens', async t => {
  const { lease, how } = fake(t)
  await lease.open()
  how.jumpSeconds = AGE_SECONDS
  t.is(lease.tenure, undefined)
})
