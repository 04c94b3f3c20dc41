// The standard services beside the control service, as probes and tools such as grpcurl meet them.
import { createRequire } from 'node:module'
import { BinaryWriter } from '@bufbuild/protobuf/wire'
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js'
import { loadFileDescriptorSetFromBuffer, loadSync } from '@grpc/proto-loader'
import test, { type ExecutionContext } from 'ava'
import { service as healthService } from 'grpc-health-check'
import { openControl } from '../../coordinator/control.js'
import { ControlServiceService } from '../../proto/gen/control.js'
import { silentLog } from '../../proto/log.js'
import { deskOf } from '../support/desk-of.js'

const NAME = 'manyhands.control.v1.ControlService'
const { resolve: placeOf } = createRequire(import.meta.url)

const desk = deskOf({
  jobs: async () => [
    {
      id: '7-x',
      number: 7,
      name: 'x',
      state: 'running',
      settled: 3,
      failed: 0,
      wallSeconds: 0,
      submitted: '',
      weight: 1,
      priority: 0,
      slots: 1,
    },
  ],
})

const open = async (t: ExecutionContext) => {
  const control = await openControl(desk, { host: '127.0.0.1', port: 0, log: silentLog })
  const client = new Client(control.address, credentials.createInsecure())
  t.teardown(async () => {
    client.close()
    await control.close(0)
  })
  return { control, client }
}

/** What the packages' definitions of services have in common. */
type ServiceDefinition = Readonly<
  Record<
    string,
    { path: string; requestSerialize(request: object): Buffer; responseDeserialize(answer: Buffer): object }
  >
>

const methodOf = (service: ServiceDefinition, name: string) => {
  const method = service[name]
  if (method === undefined) throw new Error(`there is no method ${name}`)
  return method
}

const ask = (client: Client, service: ServiceDefinition, name: string, request: object) => {
  const { path, requestSerialize, responseDeserialize } = methodOf(service, name)
  return new Promise<object | undefined>((resolve, reject) =>
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, answer) =>
      error === null ? resolve(answer) : reject(error),
    ),
  )
}

test('it is healthy by its name and as a whole, and of others it knows nothing', async t => {
  const { client } = await open(t)
  for (const service of ['', NAME])
    t.deepEqual(await ask(client, healthService, 'Check', { service }), { status: 'SERVING' })
  const error = await t.throwsAsync<ServiceError>(ask(client, healthService, 'Check', { service: 'other' }))
  t.is(error?.code, status.NOT_FOUND)
})

test('who watches its health hears that it closes', async t => {
  const { control, client } = await open(t)
  const { path, requestSerialize, responseDeserialize } = methodOf(healthService, 'Watch')
  const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { service: NAME })
  const heard: object[] = []
  let isHeard = (): void => {}
  const first = new Promise<void>(resolve => {
    isHeard = resolve
  })
  call.on('data', (answer: object) => {
    heard.push(answer)
    isHeard()
  })
  const ended = new Promise<void>(resolve => call.on('error', () => resolve()))
  await first
  t.deepEqual(heard, [{ status: 'SERVING' }])
  await Promise.all([control.close(1), ended])
  t.deepEqual(heard, [{ status: 'SERVING' }, { status: 'NOT_SERVING' }])
})

const REFLECTION = placeOf('@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto')

/** One question and its answer, as tools ask it. */
const reflect = async (client: Client, question: object): Promise<Record<string, unknown>> => {
  const loaded = loadSync(REFLECTION, { keepCase: true, arrays: true, bytes: Buffer })
  const service = loaded['grpc.reflection.v1.ServerReflection'] as ServiceDefinition
  const { path, requestSerialize, responseDeserialize } = methodOf(service, 'ServerReflectionInfo')
  const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize)
  call.write(question)
  call.end()
  for await (const answer of call) return answer
  throw new Error('reflection said nothing')
}

test('reflection names the service', async t => {
  const { client } = await open(t)
  const { list_services_response: said } = await reflect(client, { list_services: '' })
  t.like(said, { service: { 0: { name: NAME } } })
})

test('a client that knows nothing but what reflection tells it can list the jobs', async t => {
  const { client } = await open(t)
  for (const question of [{ file_containing_symbol: NAME }, { file_by_filename: 'control.proto' }]) {
    const { file_descriptor_response: said } = await reflect(client, question)
    const { file_descriptor_proto: files } = said as { readonly file_descriptor_proto: readonly Buffer[] }
    // A google.protobuf.FileDescriptorSet.
    const set = new BinaryWriter()
    for (const file of files) set.uint32(10).bytes(file)
    const loaded = loadFileDescriptorSetFromBuffer(Buffer.from(set.finish()), { longs: Number, enums: String })
    const service = loaded[NAME] as ServiceDefinition
    t.deepEqual(
      Object.values(service).map(({ path }) => path),
      Object.values(ControlServiceService).map(({ path }) => path),
    )
    const answer = await ask(client, service, 'ListJobs', {})
    t.like(answer, { jobs: { 0: { job_id: '7-x', number: 7, state: 'JOB_STATE_RUNNING', items_settled: 3 } } })
  }
})
