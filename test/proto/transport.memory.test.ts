// The transport of local mode keeps the contract, with reports in memory and in files beside it.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { silentLog } from '../../proto/log.js'
import { createMemoryHub, type MemoryHub } from '../../proto/transport/memory.js'
import { ReportFile } from '../../proto/transport/report-file.js'
import { bytes, never, newJob, transportContract } from '../transport.contract.js'

/** What a hub holds shows in what it answers: a queue to a pull, reports to a report. */
const leftovers = async (hub: MemoryHub, job: string): Promise<string[]> => {
  const probe = hub.agent()
  const found: string[] = []
  for (const epoch of [1, 2])
    if ((await probe.pull(job, epoch, 0, 0, () => {}, never)) !== -1) found.push(`queue ${epoch}`)
  await probe.report({ job, shard: 0, attempt: 0 }, 'probe', bytes('probe')).then(
    () => found.push('reports'),
    () => {},
  )
  await probe.close()
  return found
}

const inMemory = createMemoryHub()
transportContract(test, 'memory', () => ({
  coordinator: async () => inMemory.coordinator(),
  agent: async () => inMemory.agent(),
  leftovers: job => leftovers(inMemory, job),
}))

const folder = mkdtempSync(join(tmpdir(), 'manyhands-reports-'))
test.after.always(() => rmSync(folder, { recursive: true }))
const fileOf = (job: string): string => join(folder, job)
const withFiles = createMemoryHub(job => ReportFile.open(fileOf(job), silentLog))
transportContract(test, 'memory with files', () => ({
  coordinator: async () => withFiles.coordinator(),
  agent: async () => withFiles.agent(),
  leftovers: async job => [...(await leftovers(withFiles, job)), ...(existsSync(fileOf(job)) ? ['a file'] : [])],
}))

test('a handler is never called from inside the sender’s call', async t => {
  const own = createMemoryHub()
  const coordinator = own.coordinator()
  const agent = own.agent()
  const job = newJob()
  let inside = true
  const calls: boolean[] = []
  const channel = await coordinator.openJob(job, 1, () => calls.push(inside))
  agent.onBroadcast(() => calls.push(inside))
  coordinator.onBeat(() => calls.push(inside))
  const pulled = agent.pull(job, 1, 1, 1, () => calls.push(inside), never)
  void channel.offer('1', bytes('1'))
  void agent.report({ job, shard: 1, attempt: 1 }, '1', bytes('1'))
  coordinator.broadcast(bytes('1'))
  agent.beat(bytes('1'))
  inside = false
  await pulled
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  t.deepEqual(calls, [false, false, false, false])
})
