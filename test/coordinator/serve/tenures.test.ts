// Whose tenures are over: told sooner than keys go, and never of one that its daemon counts on.
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { Lease } from '../../../coordinator/serve/lease.js'
import { Tenures } from '../../../coordinator/serve/tenures.js'
import { silentLog } from '../../../proto/log.js'
import { type Bucket, type Entry, StoreConflict, StoreFailure } from '../../../proto/store.js'
import { monotonicSeconds } from '../../../proto/timing.js'

const AGE_SECONDS = 1

/** Keys that stay; each call takes as long as `late` says, and a put may be heard of late or not at all. */
const bucketOf = (late: () => number = () => 0, isLost: () => boolean = () => false) => {
  const entries = new Map<string, Entry>()
  let revision = 0
  const bucket: Bucket = {
    ageSeconds: AGE_SECONDS,
    get: async key => {
      const entry = entries.get(key)
      await sleep(late() * 1000)
      return entry
    },
    put: async (key, value, expected) => {
      await sleep(late() * 1000)
      if ((entries.get(key)?.revision ?? 0) !== expected) throw new StoreConflict(key)
      entries.set(key, { value, revision: ++revision })
      if (isLost()) throw new StoreFailure('nobody answers')
      await sleep(late() * 1000)
      return revision
    },
    delete: async key => void entries.delete(key),
    keys: async () => new Set(entries.keys()),
    onPut: () => ({ close: () => {} }),
  }
  return { bucket, entries }
}

test('a tenure without a key is over; one that is not renewed is when it can be held no longer, though its key is there', async t => {
  const { bucket } = bucketOf()
  let seconds = 100
  const tenures = new Tenures(bucket, () => seconds)
  const over = async (...names: string[]) => [...(await tenures.over(new Set(names)))]
  const first = await bucket.put('a', new Uint8Array([1]), 0)
  t.deepEqual(await over('a', 'gone'), ['gone'])
  seconds += 0.8 * AGE_SECONDS
  t.deepEqual(await over('a'), [])
  seconds += 0.1 * AGE_SECONDS
  t.deepEqual(await over('a'), ['a'])
  // Whatever is heard of it makes it one that is held.
  await bucket.put('a', new Uint8Array([1]), first)
  t.deepEqual(await over('a'), [])
  seconds += 0.5 * AGE_SECONDS
  // What was forgotten meanwhile begins anew.
  t.deepEqual(await over(), [])
  seconds += 0.5 * AGE_SECONDS
  t.deepEqual(await over('a'), [])
})

test('no daemon counts on a tenure that another one counts as over, however late what is asked for comes', async t => {
  t.timeout(30_000)
  let judged = 0
  const site = async (): Promise<void> => {
    let isSlow = false
    const late = (): number => Math.random() * (isSlow ? AGE_SECONDS : 0.02)
    const { bucket } = bucketOf(late, () => isSlow && Math.random() < 0.3)
    const lease = new Lease({ bucket, name: 'd', clock: monotonicSeconds, log: silentLog, onLost: () => {} })
    t.teardown(() => lease.close())
    await lease.open()
    const tenures = new Tenures(bucket, monotonicSeconds)
    const names = new Set<string>()
    for (const end = monotonicSeconds() + 10; monotonicSeconds() < end; await sleep(20)) {
      isSlow = (end - monotonicSeconds()) % 3 > 1.5
      if (lease.tenure !== undefined) names.add(lease.tenure)
      for (const name of await tenures.over(names)) {
        judged++
        t.not(lease.tenure, name)
      }
    }
    await lease.close()
    // In the end all of them are.
    for (let tries = 0; tries < 100 && (await tenures.over(names)).size < names.size; tries++) await sleep(20)
    t.deepEqual(await tenures.over(names), names)
  }
  await Promise.all(Array.from({ length: 20 }, site))
  t.true(judged > 20, `${judged}`)
})
