// How long a job stands still when its daemon is killed, and when it is gone on with.
import { monotonicSeconds } from '../../proto/timing.js'
import { type Row, took } from '../table.js'
import { killed, Site, seen, waits } from './site.js'

/** design.md: the lease's time and two seconds. */
const PROMISE_SECONDS = 7
const TIMES = 5
/** Settled before; they are not run again, but read. */
const SETTLED = 200_000

/** From kill -9 to the first outcome that was not there before. */
const takenOver = (): Promise<number> =>
  Site.with(async site => {
    const first = await site.daemon('first')
    const before = await site.client(first)
    await site.agent(before, 2)
    const second = await site.client(await site.daemon('second'))
    const { asked, parts } = waits(5, 100_000)
    const { id } = await before.submit(asked, parts)
    const { settled } = await seen(second, id, view => view.settled > 500)
    const began = monotonicSeconds()
    await killed(first.child)
    await seen(second, id, view => view.owner?.startsWith('second-') === true && view.settled > settled)
    return monotonicSeconds() - began
  })

/** From `resume` of a job with so many outcomes, and from the start of a daemon that finds it, to the next outcome. */
const resumed = (): Promise<{ readonly resume: number; readonly restart: number }> =>
  Site.with(async site => {
    const first = await site.daemon('first')
    const client = await site.client(first)
    await site.agent(client, 2)
    const { asked, parts } = waits(0.02, 100 * SETTLED)
    const { id } = await client.submit(asked, parts)
    await seen(client, id, view => view.settled > SETTLED)
    const { settled } = await client.cancel(id, 'it is gone on with')
    const asking = monotonicSeconds()
    await client.resume(id)
    await seen(client, id, view => view.settled > settled)
    const resume = monotonicSeconds() - asking
    await killed(first.child)
    const starting = monotonicSeconds()
    const second = await site.client(await site.daemon('second'))
    const { settled: kept } = await seen(second, id, () => true)
    await seen(second, id, view => view.owner?.startsWith('second-') === true && view.settled > kept)
    return { resume, restart: monotonicSeconds() - starting }
  })

export const takeover = async (): Promise<Row[]> => {
  const [taken, resumes, restarts]: number[][] = [[], [], []]
  for (let nth = 0; nth < TIMES; nth++) {
    taken?.push(await takenOver())
    const { resume, restart } = await resumed()
    resumes?.push(resume)
    restarts?.push(restart)
  }
  const many = SETTLED.toLocaleString('en-US')
  return [
    took("kill -9 of a job's daemon to its next outcome by another", taken ?? [], 1, { most: PROMISE_SECONDS }),
    took(`\`resume\` of a job with ${many} outcomes to its next one`, resumes ?? []),
    took('the only daemon killed and another started at once: to its next outcome', restarts ?? []),
  ]
}
