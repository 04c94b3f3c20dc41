// Reports in a file outlive their process, whatever moment it ends at.
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { silentLog } from '../../../proto/log.js'
import { ReportFile } from '../../../proto/transport/report-file.js'

const newFile = (t: ExecutionContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'manyhands-report-file-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return join(folder, 'reports')
}
const texts = (file: ReportFile): string[] => file.reports.map(report => Buffer.from(report).toString())

const left = async (path: string): Promise<string[]> => {
  const file = await ReportFile.open(path, silentLog)
  await file.close('reports')
  return texts(file)
}

test('what was appended is there for the next process, in order', async t => {
  const path = newFile(t)
  const file = await ReportFile.open(path, silentLog)
  t.deepEqual(texts(file), [])
  for (const text of ['one', '', 'three']) file.append(Buffer.from(text))
  await file.close('reports')
  const next = await ReportFile.open(path, silentLog)
  t.deepEqual(texts(next), ['one', '', 'three'])
  next.append(Buffer.from('four'))
  await next.close('reports')
  t.deepEqual(await left(path), ['one', '', 'three', 'four'])
})

test('closed for good it leaves nothing', async t => {
  const path = newFile(t)
  const file = await ReportFile.open(path, silentLog)
  file.append(Buffer.from('one'))
  await file.close()
  t.throws(() => statSync(path))
})

test('cut anywhere, the whole records before are read, and what is appended then stands behind them', async t => {
  const path = newFile(t)
  const file = await ReportFile.open(path, silentLog)
  const all = ['first', 'second', 'third']
  for (const text of all) file.append(Buffer.from(text))
  await file.close('reports')
  const content = readFileSync(path)
  const ends = [9, 19, 28]
  for (let cut = 0; cut <= content.length; cut++) {
    writeFileSync(path, content)
    truncateSync(path, cut)
    const next = await ReportFile.open(path, silentLog)
    const whole = all.slice(0, ends.filter(end => end <= cut).length)
    t.deepEqual(texts(next), whole)
    next.append(Buffer.from('more'))
    await next.close('reports')
    t.deepEqual(await left(path), [...whole, 'more'])
  }
})

test('a length that nothing follows is no report', async t => {
  const path = newFile(t)
  appendFileSync(path, Buffer.from([255, 255, 255, 255, 1]))
  t.deepEqual(await left(path), [])
})

test('a file that cannot be written is told of once, and the job goes on', async t => {
  const said: string[] = []
  const path = newFile(t)
  const file = await ReportFile.open(path, (_, text) => said.push(text))
  mkdirSync(`${path}.new`)
  const large = Buffer.alloc(16 * 1024 * 1024)
  const small = Buffer.from('kept')
  for (const report of [large, small]) file.append(report)
  while (statSync(path).size < large.length + small.length) await new Promise(resolve => setTimeout(resolve, 5))
  file.trim([small])
  await file.close('reports')
  file.append(small)
  t.is(said.length, 1)
  t.regex(said[0] as string, /Outcomes cannot be kept in .*reports: EISDIR/)
})

test('property: whatever is appended and trimmed, all that is kept is read again', async t => {
  const path = newFile(t)
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(
          fc.record({ append: fc.integer({ min: 0, max: 3 * 1024 * 1024 }) }),
          fc.record({ trim: fc.double({ min: 0, max: 1, noNaN: true }) }),
          fc.constant({ wait: true }),
        ),
        { maxLength: 20 },
      ),
      async steps => {
        rmSync(path, { force: true })
        const file = await ReportFile.open(path, silentLog)
        let kept: Buffer[] = []
        let made = 0
        for (const step of steps) {
          if ('append' in step) {
            const report = Buffer.alloc(step.append, made++ % 251)
            kept.push(report)
            file.append(report)
          } else if ('trim' in step) {
            kept = kept.slice(Math.floor(step.trim * (kept.length + 1)))
            file.trim(kept)
          } else await new Promise(resolve => setTimeout(resolve, 1))
        }
        await file.close('reports')
        const next = await ReportFile.open(path, silentLog)
        await next.close('reports')
        // What is not needed may still be there, before what is.
        const found = next.reports.slice(next.reports.length - kept.length)
        return found.length === kept.length && kept.every((one, nth) => one.equals(found[nth] as Uint8Array))
      },
    ),
    { numRuns: 100 },
  )
  t.pass()
})
