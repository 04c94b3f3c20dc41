// What survives what, as `doctor` says it of the NATS server or cluster that keeps the queues of jobs. Pure.
// In: what the servers can keep, the replicas that are asked for. Out: findings.
import type { Survey } from '../../proto/transport/nats-survey.js'
import type { Finding } from './doctor.js'

export interface Asked {
  readonly replicas: number
  /** Where they were asked for, such as `--replicas`. */
  readonly at: string
}

export const survivalFindings = (survey: Survey, asked: Asked): Finding[] => {
  const { cluster, mostReplicas, why } = survey
  if (mostReplicas === 0) {
    const advice = cluster === undefined ? 'is its disk full?' : 'more than half of the servers of a cluster must be up'
    const who = cluster === undefined ? 'the server' : `the cluster ${cluster}`
    return [{ state: 'missing', text: `${who} stores nothing now: ${advice} (${why})` }]
  }
  return cluster === undefined
    ? [...single(), ...ofAsked(survey, asked)]
    : [...ofCluster(survey, cluster), ...ofAsked(survey, asked)]
}

const single = (): Finding[] => [
  {
    state: 'fine',
    text: 'a single server, no cluster: jobs wait while it is down and go on when it is back, even if its disk is lost',
  },
]

const lossesOf = (replicas: number): string =>
  replicas === 5 ? 'any two of their servers are lost' : 'any one of their servers is lost'

const ofCluster = ({ mostReplicas, behind }: Survey, cluster: string): Finding[] => {
  const findings: Finding[] = []
  if (mostReplicas === 1) {
    const text = `cluster ${cluster} · fewer than 3 servers: jobs wait for the one that has their queue, whenever it is down`
    return [{ state: 'note', text }]
  }
  const text = `cluster ${cluster} · up to ${mostReplicas} replicas: with them jobs go on when ${lossesOf(mostReplicas)}`
  findings.push({ state: 'fine', text })
  if (behind.length > 0) {
    const left = (mostReplicas - 1) / 2 - behind.length
    const next = left > 0 ? 'one more may be lost' : 'no further one may be lost'
    findings.push({ state: 'note', text: `down, or behind: ${behind.join(', ')}; ${next} until it is back` })
  }
  return findings
}

const ofAsked = ({ cluster, mostReplicas }: Survey, { replicas, at }: Asked): Finding[] => {
  if (replicas > mostReplicas) {
    const place = cluster === undefined ? 'a single server has' : `the cluster ${cluster} can have`
    return [{ state: 'missing', text: `${at} ${replicas} cannot be had: ${place} ${mostReplicas}` }]
  }
  if (replicas > 1) return [{ state: 'fine', text: `${at} ${replicas}: jobs go on when ${lossesOf(replicas)}` }]
  if (mostReplicas === 1) return []
  return [
    {
      state: 'note',
      text: 'jobs use 1 replica: they wait while the server that has their queue is down (--replicas 3)',
    },
  ]
}
