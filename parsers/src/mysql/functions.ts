import type { StatementClass } from '../facts.js'

/** Functions that reach files, run commands or act on the server (Built-In Function Reference; lib_mysqludf_sys). */
const CLASSES: Readonly<Record<string, StatementClass>> = {
  load_file: 'opaque',
  sys_exec: 'opaque',
  sys_eval: 'opaque',
  sys_get: 'opaque',
  sys_set: 'opaque',
  lib_mysqludf_sys_info: 'opaque',
  asynchronous_connection_failover_add_source: 'procedure',
  asynchronous_connection_failover_delete_source: 'procedure',
  asynchronous_connection_failover_add_managed: 'procedure',
  asynchronous_connection_failover_delete_managed: 'procedure',
  asynchronous_connection_failover_reset: 'procedure',
  group_replication_set_as_primary: 'procedure',
  group_replication_switch_to_multi_primary_mode: 'procedure',
  group_replication_switch_to_single_primary_mode: 'procedure',
  keyring_key_fetch: 'opaque',
  keyring_key_store: 'opaque',
  keyring_key_remove: 'opaque',
  keyring_key_generate: 'opaque',
  mysql_firewall_flush_status: 'procedure',
}

/** What calling a function is besides computing; undefined: nothing. `name` in lower case. */
export function functionClass(name: string): StatementClass | undefined {
  return Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined
}

/** Keywords that an opening parenthesis may follow without being a function. */
export const NO_FUNCTIONS: ReadonlySet<string> = new Set(
  `SELECT FROM WHERE AND OR NOT XOR IN ANY ALL SOME EXISTS AS ON USING BY HAVING LIMIT OFFSET VALUES VALUE ROW SET CASE WHEN THEN ELSE
  END BETWEEN LIKE RLIKE REGEXP DIV MOD IS INTERVAL DISTINCT DISTINCTROW UNION EXCEPT INTERSECT OVER WINDOW PARTITION AGAINST MATCH
  BINARY CHAR NCHAR VARCHAR DECIMAL UNSIGNED SIGNED DATETIME TIME FLOAT DOUBLE INDEX KEY COLUMNS NESTED TABLE JOIN INTO RETURNING WITH
  ESCAPE COLLATE SOUNDS MEMBER OF DO CALL UPDATE DUPLICATE`.split(/\s+/),
)
