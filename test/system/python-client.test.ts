// A client in another language, made from control.proto alone: the program that docs/grpc.md shows, by Debian's Python, and what it does
// not show.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { openControl } from '../../coordinator/control.js'
import { silentLog } from '../../proto/log.js'
import { Site } from '../coordinator/serve/site.js'
import { debianPython, programOf } from '../support/debian.js'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const run = promisify(execFile)

let folder: string
let python: string
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'manyhands-python-'))
  const protoc = await programOf('protoc', 'protobuf-compiler')
  const plugin = await programOf('grpc_python_plugin', 'protobuf-compiler-grpc')
  python = await debianPython('grpc', 'python3-grpcio')
  const out = [`--python_out=${folder}`, `--grpc_out=${folder}`, `--plugin=protoc-gen-grpc=${plugin}`]
  await run(protoc, [`--proto_path=${join(ROOT, 'proto')}`, ...out, 'control.proto'])
})
test.after.always(() => rm(folder, { recursive: true, force: true }))

const open = async (t: Parameters<typeof Site.open>[0]) => {
  const site = await Site.open(t)
  await site.agent()
  const { desk } = await site.daemon()
  const control = await openControl(desk, { host: '127.0.0.1', port: 0, log: silentLog })
  t.teardown(() => control.close(1))
  return { desk, address: control.address }
}

const runPython = async (name: string, source: string, address: string): Promise<string> => {
  await writeFile(join(folder, name), source)
  const { stdout } = await run(python, [join(folder, name), address], { timeout: 60_000 })
  return stdout
}

test('the program of docs/grpc.md submits a job, watches it, reads its results and has it forgotten', async t => {
  const { desk, address } = await open(t)
  const doc = await readFile(join(ROOT, 'docs/grpc.md'), 'utf8')
  const source = /```python\n([\s\S]*?)```/.exec(doc)?.[1] ?? ''
  const lines = Array.from({ length: 100 }, (_, x) => `${x} ${x === 13 ? 'ValueError: unlucky' : x * 3}\n`)
  t.is(await runPython('doc.py', source, address), lines.join(''))
  t.deepEqual(await desk.jobs(), [])
})

const MORE = `
import sys
import grpc
import control_pb2 as pb
import control_pb2_grpc

END = pb.SubmitRequest(end=pb.SubmissionEnd())
service = control_pb2_grpc.ControlServiceStub(grpc.insecure_channel(sys.argv[1]))

def described(**more):
    return iter([pb.SubmitRequest(description=pb.JobDescription(runner="node", function="Math.sqrt", **more)), END])

job = service.Submit(described(name="roots", range=pb.IntegerRange(start=0, end=1000, step=1))).job
import struct
at = 250
for batch in service.Results(pb.ResultsRequest(job_id=job.job_id, start_index=250, accepts_f64=True)):
    assert batch.start_index == at, (batch.start_index, at)
    at = batch.end_index
    assert batch.WhichOneof("values") == "f64"
    values = struct.unpack("<%dd" % (batch.end_index - batch.start_index), batch.f64)
    assert values[0] == batch.start_index ** 0.5
print("roots up to", at)

try:
    service.Submit(described(weight=2000, range=pb.IntegerRange(start=0, end=1, step=1)))
except grpc.RpcError as error:
    details = dict(error.trailing_metadata())["grpc-status-details-bin"]
    print(error.code().name, error.details(), b"ASKED" in details, b"manyhands" in details, b"weight" in details)

try:
    service.DescribeJob(pb.DescribeJobRequest(job_id="no-such-job"))
except grpc.RpcError as error:
    print(error.code().name, error.details())

slow = service.Submit(iter([
    pb.SubmitRequest(description=pb.JobDescription(name="slow", runner="exec", command=["sleep", "{}"], format=pb.INPUT_FORMAT_LINES)),
    pb.SubmitRequest(input=b"0\\n100\\n"),
    END,
])).job
for change in service.Watch(pb.WatchRequest(job_id=slow.job_id)):
    if change.job.items_settled == 1:
        break
print(pb.JobState.Name(service.Cancel(pb.CancelRequest(job_id=slow.job_id, reason="enough")).job.state))
print([each.name for each in service.ListJobs(pb.ListJobsRequest()).jobs], len(service.ListAgents(pb.ListAgentsRequest()).agents))

health = grpc.insecure_channel(sys.argv[1]).unary_unary("/grpc.health.v1.Health/Check")
print(health(b""))
`

test('it reads packed doubles and the details of errors, cancels a job, lists jobs and agents, and asks for health', async t => {
  const { address } = await open(t)
  const said = (await runPython('more.py', MORE, address)).split('\n')
  t.deepEqual(said, [
    'roots up to 1000',
    'INVALID_ARGUMENT weight: expected a whole number from 1 to 1000, got 2000 True True True',
    'NOT_FOUND there is no job no-such-job',
    'JOB_STATE_CANCELLED',
    "['roots', 'slow'] 1",
    // SERVING.
    "b'\\x08\\x01'",
    '',
  ])
})
