// What a job of a daemon costs when there is nothing to compute.
import { quantile } from '../samples.js'
import { type Row, time, took } from '../table.js'
import { isOver, never, partsOf, roots, Site, seen } from './site.js'

const JOBS = 40
const WARM_UPS = 5

export const cost = (): Promise<Row[]> =>
  Site.with(async site => {
    const client = await site.client(await site.daemon('ann'))
    await site.agent(client, 2)
    const [taken, first, ended]: number[][] = [[], [], []]
    for (let nth = -WARM_UPS; nth < JOBS; nth++) {
      const began = performance.now()
      const since = (): number => (performance.now() - began) / 1000
      const { id } = await client.submit(roots(1), partsOf())
      const takenSeconds = since()
      const over = seen(client, id, isOver).then(since)
      let firstSeconds = Number.NaN
      for await (const _ of client.results(id, {}, never)) firstSeconds = since()
      const endSeconds = await over
      await client.forget(id)
      if (nth < 0) continue
      taken?.push(takenSeconds)
      first?.push(firstSeconds)
      ended?.push(endSeconds)
    }
    return [
      took(`submit, until the daemon has taken the job (${JOBS} jobs of one item)`, taken ?? []),
      took('submit to the first outcome at the client', first ?? []),
      { title: '… its 95th percentile', figure: time(quantile(first ?? [], 0.95)) },
      took('submit to its end', ended ?? []),
    ]
  })
