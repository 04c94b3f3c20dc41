// How many workers a host should run at once: the cores that this process may really use, not those that it can see.
// In: the affinity mask and the CPU quotas of its cgroups (v1 or v2, its own and all above), where the system has them.
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'

export interface SlotCount {
  readonly slots: number
  /** Cores of the machine. */
  readonly visible: number
  /** Cores' worth of time that this process may use; may be a fraction. */
  readonly allowed: number
  /** Where the number comes from, in a few words. */
  readonly why: string
}

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return undefined
  }
}

/** The folder and all above it: a quota anywhere on the way holds. */
const upwards = (path: string): string[] => {
  const parts = path.split('/').filter(Boolean)
  return Array.from({ length: parts.length + 1 }, (_, up) => `/${parts.slice(0, parts.length - up).join('/')}`)
}

const quotaV2 = (root: string, path: string): number[] =>
  upwards(path).flatMap(folder => {
    const [quota, period] = (read(`${root}${folder}/cpu.max`) ?? 'max').split(/\s+/)
    return quota === 'max' || quota === undefined ? [] : [Number(quota) / Number(period ?? 100_000)]
  })

const quotaV1 = (root: string, path: string): number[] =>
  upwards(path).flatMap(folder => {
    const quota = Number(read(`${root}${folder}/cpu.cfs_quota_us`) ?? -1)
    const period = Number(read(`${root}${folder}/cpu.cfs_period_us`) ?? 100_000)
    return quota > 0 ? [quota / period] : []
  })

/** CPU quotas in force, in cores; empty where there are none or no cgroups. `/proc/self/cgroup` as text, for tests. */
export const cgroupQuotas = (table: string | undefined, root = '/sys/fs/cgroup'): number[] =>
  (table ?? '').split('\n').flatMap(line => {
    const [, controllers, path] = line.split(':')
    if (controllers === undefined || path === undefined) return []
    if (controllers === '') return quotaV2(root, path)
    const names = controllers.split(',')
    return names.includes('cpu') ? [...quotaV1(`${root}/cpu`, path), ...quotaV1(`${root}/${controllers}`, path)] : []
  })

export const defaultSlots = (): SlotCount => {
  const visible = cpus().length || 1
  const affinity = availableParallelism()
  const quota = Math.min(...cgroupQuotas(read('/proc/self/cgroup')), Number.POSITIVE_INFINITY)
  const allowed = Math.min(affinity, quota)
  const slots = Math.max(1, Math.floor(allowed + 1e-6))
  if (quota < affinity) return { slots, visible, allowed, why: `the cgroup allows ${quota} of ${visible} cores` }
  if (affinity < visible)
    return { slots, visible, allowed, why: `the affinity mask allows ${affinity} of ${visible} cores` }
  return { slots, visible, allowed, why: `${visible} cores, no limit on them` }
}
