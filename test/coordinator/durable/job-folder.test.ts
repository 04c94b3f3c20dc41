import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { JobFolder, type NewJob } from '../../../coordinator/durable/job-folder.js'
import { isAlive, thisProcess } from '../../../coordinator/durable/process-mark.js'

const newFolder = (t: ExecutionContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'manyhands-jobs-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return folder
}
const asked = (name: string): NewJob => ({
  name,
  job: `id-${name}`,
  cwd: '/',
  options: { range: '0..9' },
  function: {
    runner: 'node',
    name: 'f',
    entry: 'f.js',
    function: 'f',
    bundle: [{ path: 'f.js', content: Buffer.from('export const f = i => i') }],
  },
  shared: { kind: 'json', content: Buffer.from('{"a":1}') },
  input: null,
  count: 9,
})
const create = async (jobs: string, name: string): Promise<JobFolder> => {
  const folder = await JobFolder.create(jobs, asked(name))
  if (folder === undefined) throw new Error(`there is a job ${name}`)
  return folder
}

test('what was asked for is there for another process', async t => {
  const jobs = newFolder(t)
  await create(jobs, 'one')
  const folder = await JobFolder.open(jobs, 'one')
  if (folder === undefined) return t.fail('it is not there')
  const { name, job, options, count } = folder.record
  t.like({ name, job, options, count }, { name: 'one', job: 'id-one', options: { range: '0..9' }, count: 9 })
  const fn = await folder.function()
  t.is(Buffer.from(fn.bundle?.[0]?.content ?? []).toString(), 'export const f = i => i')
  t.is(fn.entry, 'f.js')
  t.is(Buffer.from((await folder.shared())?.content ?? []).toString(), '{"a":1}')
  t.is(await folder.checkpoint(), undefined)
  t.is(await JobFolder.open(jobs, 'two'), undefined)
})

test('a name is a job’s until it is removed, and a failed beginning leaves nothing', async t => {
  const jobs = newFolder(t)
  const folder = await create(jobs, 'one')
  t.is(await JobFolder.create(jobs, asked('one')), undefined)
  t.deepEqual(readdirSync(jobs), ['one'])
  await folder.remove()
  t.deepEqual(readdirSync(jobs), [])
  t.is((await create(jobs, 'one')).record.name, 'one')
})

test('the newest checkpoint is the one, and half a one is none', async t => {
  const folder = await create(newFolder(t), 'one')
  const checkpoint = {
    output: { file: '1:2', bytes: 7, format: null },
    written: [],
    failed: 0,
    failures: [],
    isWhole: false,
  }
  await folder.save(checkpoint, [])
  await folder.save({ ...checkpoint, failed: 3 }, [7, 1, 9])
  writeFileSync(join(folder.path, 'checkpoint.json.new'), '{"output"')
  t.is((await folder.checkpoint())?.failed, 3)
})

test('failed items are known as of the checkpoint, whatever was noted after it', async t => {
  const folder = await create(newFolder(t), 'one')
  const checkpoint = { output: { file: '1:2', bytes: 7, format: null }, written: [], failures: [], isWhole: false }
  await folder.save({ ...checkpoint, failed: 2 }, [7, 1])
  await folder.save({ ...checkpoint, failed: 3 }, [2 ** 40])
  const newest = { ...checkpoint, failed: 3 }
  t.deepEqual([...(await folder.failedItems(newest))], [1, 7, 2 ** 40])
  t.deepEqual([...(await folder.failedItems({ ...checkpoint, failed: 2 }))], [1, 7])
  // What was noted and not in a checkpoint is written over.
  await folder.save({ ...checkpoint, failed: 3 }, [5])
  t.deepEqual([...(await folder.failedItems(newest))], [1, 5, 7])
  await folder.replaceFailed({ ...checkpoint, failed: 1 }, [5])
  t.deepEqual([...(await folder.failedItems(newest))], [5])
})

test('of many that want a job one has it; the next is the next owner', async t => {
  const folder = await create(newFolder(t), 'one')
  const taken = await Promise.allSettled(Array.from({ length: 20 }, () => folder.take()))
  t.deepEqual(
    taken.flatMap(one => (one.status === 'fulfilled' ? [one.value] : [])),
    [1],
  )
  for (const one of taken)
    if (one.status === 'rejected') t.regex((one.reason as Error).message, /the job one is running, as process \d+ of/)
  t.is((await folder.owner())?.pid, process.pid)
  await folder.leave(1)
  t.is(await folder.owner(), undefined)
  t.is(await folder.take(), 2)
  t.deepEqual(
    readdirSync(folder.path).filter(name => name.includes('owner')),
    ['owner-2'],
  )
})

test('a job whose process was killed can be had; one of another host cannot', async t => {
  const folder = await create(newFolder(t), 'one')
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  const file = join(folder.path, 'owner-1')
  const mark = { host: hostname(), pid: child.pid }
  writeFileSync(file, JSON.stringify(mark))
  await t.throwsAsync(folder.take(), { message: new RegExp(`as process ${child.pid} of this machine`) })
  child.kill('SIGKILL')
  await once(child, 'exit')
  t.is(await folder.take(), 2)
  writeFileSync(join(folder.path, 'owner-2'), JSON.stringify({ host: 'elsewhere', pid: 1 }))
  await t.throwsAsync(folder.take(), { message: /last run on elsewhere, where it may still be running/ })
})

test('a job of another version is refused by name', async t => {
  const jobs = newFolder(t)
  const folder = await create(jobs, 'one')
  const file = join(folder.path, 'record.json')
  writeFileSync(file, readFileSync(file, 'utf8').replace('manyhands.job/1', 'manyhands.job/9'))
  await t.throwsAsync(JobFolder.open(jobs, 'one'), { message: /another version of manyhands \(manyhands.job\/9,/ })
  t.deepEqual(await JobFolder.list(jobs), [])
})

test('jobs are listed, the newest first', async t => {
  const jobs = newFolder(t)
  for (const name of ['a', 'b', 'c']) {
    await create(jobs, name)
    await new Promise(resolve => setTimeout(resolve, 3))
  }
  t.deepEqual(
    (await JobFolder.list(jobs)).map(({ record }) => record.name),
    ['c', 'b', 'a'],
  )
  t.deepEqual(await JobFolder.list(join(jobs, 'none')), [])
})

test('a process is known by its start, not by its number alone', t => {
  const mine = thisProcess()
  t.true(isAlive(mine))
  if (process.platform === 'linux') t.false(isAlive({ ...mine, started: 'another boot 1' }))
  t.false(isAlive({ host: hostname(), pid: 2 ** 30 }))
})

if (process.platform === 'linux')
  test('a process that has ended and that nobody has heard of is not alive', async t => {
    // The shell starts a child and becomes a program that never asks what became of it.
    const shell = spawn('/bin/sh', ['-c', 'sleep 0 & echo $!; exec sleep 5'])
    t.teardown(() => shell.kill())
    const [line] = (await once(shell.stdout, 'data')) as [Buffer]
    const pid = Number(line.toString())
    for (let waited = 0; waited < 100; waited++) {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
      if (stat.includes(') Z ')) return t.false(isAlive({ host: hostname(), pid }))
      await new Promise(resolve => setTimeout(resolve, 20))
    }
    return t.fail('it never ended')
  })
