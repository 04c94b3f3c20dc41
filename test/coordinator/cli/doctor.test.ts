import test from 'ava'
import { findingLine, folderFinding, nodeFinding, serverFindings } from '../../../coordinator/cli/doctor.js'
import { plainPaint } from '../../../coordinator/cli/verdict.js'

const info = { version: '2.10.22', jetstream: true, limitBytes: 8 << 20, rttSeconds: 0.0004, refusal: undefined }
const linesOf = (over: Partial<typeof info> | { refusal: string }) =>
  serverFindings('nats://h', { ...info, ...over }).map(finding => findingLine(finding, plainPaint))

test('a good server is one line', t => {
  t.deepEqual(linesOf({}), ['✓ NATS nats://h · server 2.10.22 · JetStream on · rtt 400 µs · max payload 8 MiB\n'])
})

test('an old server is worth knowing, a too old one or one without JetStream is not enough', t => {
  t.regex(linesOf({ version: '2.9.10' })[1] ?? '', /^! server 2\.9\.10 drops/)
  t.regex(linesOf({ version: '2.9.9' }).join(''), /^✗ NATS[\s\S]*✗ server 2\.9\.9 is too old/)
  t.regex(linesOf({ jetstream: false }).join(''), /✗ jobs are queued in JetStream/)
  t.regex(linesOf({ refusal: 'Authorization Violation' }).join(''), /✗ the server refuses us: Authorization Violation/)
})

test('an old node and a folder that is not there are missing', t => {
  t.is(nodeFinding('20.19.0').state, 'fine')
  t.is(nodeFinding('20.18.9').state, 'missing')
  t.is(nodeFinding('24.0.0').state, 'fine')
  t.is(folderFinding('cache folder', '/no/such/folder').state, 'missing')
})
