import type { Dialect } from '@sluice/domain'

/** Which relations belong to the server itself, and which of those give away what rules and masks protect. */
export type CatalogKind = 'ordinary' | 'sensitive'

/**
 * PostgreSQL: password verifiers, foreign passwords, samples of column values, other sessions' statements, server files.
 * pg_stat_activity is among them because all sessions of a credential are one role to the server: each sees all the others.
 */
const POSTGRES_SENSITIVE: ReadonlySet<string> = new Set([
  'pg_authid',
  'pg_shadow',
  'pg_statistic',
  'pg_statistic_ext_data',
  'pg_stats',
  'pg_stats_ext',
  'pg_stats_ext_exprs',
  'pg_user_mapping',
  'pg_user_mappings',
  'pg_largeobject',
  'pg_hba_file_rules',
  'pg_ident_file_mappings',
  'pg_file_settings',
  'pg_stat_activity',
  'pg_stat_statements',
  'pg_stat_statements_info',
])

const POSTGRES_INFORMATION_SCHEMA_SENSITIVE: ReadonlySet<string> = new Set([
  '_pg_user_mappings',
  'user_mapping_options',
  '_pg_foreign_servers',
  'foreign_server_options',
])

/** The other relations of pg_catalog up to PostgreSQL 18, without their `pg_`: found before any of the same name elsewhere. */
const POSTGRES_ORDINARY: ReadonlySet<string> = new Set(
  `
  aggregate aios am amop amproc attrdef attribute auth_members available_extension_versions available_extensions
  backend_memory_contexts cast class collation config constraint conversion cursors database db_role_setting
  default_acl depend description enum event_trigger extension foreign_data_wrapper foreign_server foreign_table
  group index indexes inherits init_privs language largeobject_metadata locks matviews namespace opclass operator
  opfamily parameter_acl partitioned_table policies policy prepared_statements prepared_xacts proc publication
  publication_namespace publication_rel publication_tables range replication_origin replication_origin_status
  replication_slots rewrite roles rules seclabel seclabels sequence sequences settings shdepend shdescription
  shmem_allocations shmem_allocations_numa shseclabel stat_all_indexes stat_all_tables stat_archiver stat_bgwriter
  stat_checkpointer stat_database stat_database_conflicts stat_gssapi stat_io stat_progress_analyze
  stat_progress_basebackup stat_progress_cluster stat_progress_copy stat_progress_create_index
  stat_progress_vacuum stat_recovery_prefetch stat_replication stat_replication_slots stat_slru stat_ssl
  stat_subscription stat_subscription_stats stat_sys_indexes stat_sys_tables stat_user_functions stat_user_indexes
  stat_user_tables stat_wal stat_wal_receiver stat_xact_all_tables stat_xact_sys_tables stat_xact_user_functions
  stat_xact_user_tables statio_all_indexes statio_all_sequences statio_all_tables statio_sys_indexes
  statio_sys_sequences statio_sys_tables statio_user_indexes statio_user_sequences statio_user_tables
  statistic_ext subscription subscription_rel tables tablespace timezone_abbrevs timezone_names transform trigger
  ts_config ts_config_map ts_dict ts_parser ts_template type user views wait_events
  `
    .trim()
    .split(/\s+/)
    .map((name) => `pg_${name}`),
)

const MYSQL_SENSITIVE_SCHEMAS: ReadonlySet<string> = new Set(['mysql', 'performance_schema', 'sys'])

/** What clients read of performance_schema as they once read it of information_schema. */
const MYSQL_PERFORMANCE_ORDINARY: ReadonlySet<string> = new Set([
  'session_variables',
  'session_status',
  'global_variables',
  'global_status',
  'column_masking_policy', // definitions, no data; mysqldump asks for it
])

/** Other sessions' statements, histograms of column values, words out of full-text indexes. */
const MYSQL_INFORMATION_SCHEMA_SENSITIVE: ReadonlySet<string> = new Set([
  'processlist',
  'column_statistics',
  'innodb_trx',
  'innodb_ft_index_table',
  'innodb_ft_index_cache',
  'innodb_ft_being_deleted',
  'innodb_ft_deleted',
])

interface Named {
  readonly schema?: string | undefined
  readonly name: string
}

/** What kind of catalog a relation is; undefined: none, it belongs to somebody. */
export function catalogKind(relation: Named, dialect: Dialect): CatalogKind | undefined {
  const name = relation.name.toLowerCase()
  const schema = relation.schema?.toLowerCase()
  if (dialect === 'mysql') {
    if (schema === 'information_schema') return MYSQL_INFORMATION_SCHEMA_SENSITIVE.has(name) ? 'sensitive' : 'ordinary'
    if (schema === 'performance_schema' && MYSQL_PERFORMANCE_ORDINARY.has(name)) return 'ordinary'
    return schema !== undefined && MYSQL_SENSITIVE_SCHEMAS.has(schema) ? 'sensitive' : undefined
  }
  switch (schema) {
    case 'pg_catalog':
      // A catalog of a later server is not known to be harmless.
      return POSTGRES_ORDINARY.has(name) ? 'ordinary' : 'sensitive'
    case 'information_schema':
      return POSTGRES_INFORMATION_SCHEMA_SENSITIVE.has(name) ? 'sensitive' : 'ordinary'
    case 'pg_toast': // the stored bytes of long values, masked columns' too
      return 'sensitive'
    case undefined:
      if (POSTGRES_SENSITIVE.has(name)) return 'sensitive'
      return POSTGRES_ORDINARY.has(name) ? 'ordinary' : undefined
    default:
      return name.startsWith('pg_stat_statements') ? 'sensitive' : undefined // an extension's, in any schema
  }
}
