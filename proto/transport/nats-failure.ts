// What goes wrong with a NATS server, in words: for the code that tries again, and for the people who must mend it.
// In: the library's errors. Out: failures with their kind, and lines that say what to do. Never a secret of the URL's.
import type { NatsAddress } from './url.js'

/** Why nothing came of a request. `code` is JetStream's own number where it answered with an error. */
export class NatsFailure extends Error {
  readonly kind: 'disconnected' | 'closed' | 'timeout' | 'no responders' | 'refused'
  readonly code: number

  constructor(kind: NatsFailure['kind'], message: string, code = 0) {
    super(message)
    this.name = 'NatsFailure'
    this.kind = kind
    this.code = code
  }
}

/** More copies were asked for than there are servers to keep them. */
export class ReplicasError extends Error {
  readonly code = 'NATS_REPLICAS'
  override readonly name = 'ReplicasError'

  constructor(replicas: number, cluster: string | undefined, options?: ErrorOptions) {
    const why = cluster === undefined ? 'this is a single server' : `the cluster ${cluster} has fewer`
    super(`${replicas} replicas need ${replicas} servers with JetStream in one NATS cluster: ${why}`, options)
  }
}

const decoder = new TextDecoder()

/** What JetStream answered, or its error as a failure. */
export const parseAnswer = <T>(what: string, data: Uint8Array): T => {
  const answer = JSON.parse(decoder.decode(data)) as T & { error?: { err_code?: number; description?: string } }
  if (answer.error)
    throw new NatsFailure('refused', `${what}: ${answer.error.description ?? 'refused'}`, answer.error.err_code ?? -1)
  return answer
}

/** Why the first connection could not be made. */
export const explain = (address: NatsAddress, error: Error & { code?: string }): string => {
  if (/authorization|authentication/i.test(`${error.code} ${error.message}`))
    return `the NATS server at ${address.display} refused the user: give nats://USER:PASSWORD@HOST or nats://TOKEN@HOST as it knows them`
  if (/tls|cert|ssl/i.test(error.message)) return `no TLS with the NATS server at ${address.display}: ${error.message}`
  return `no NATS server answers at ${address.display} (${error.code ?? error.message}): is one running there? "nats-server -js" starts one`
}
