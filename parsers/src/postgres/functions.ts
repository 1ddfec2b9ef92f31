import type { StatementClass } from '../facts.js'

/**
 * PostgreSQL functions that do more than compute from their arguments. `opaque`: they run SQL text, name relations in text,
 * or reach files and other servers (Functions and Operators; contrib: dblink, tablefunc, xml2, adminpack).
 */
const OPAQUE = `
query_to_xml query_to_xmlschema query_to_xml_and_xmlschema cursor_to_xml cursor_to_xmlschema
table_to_xml table_to_xmlschema table_to_xml_and_xmlschema schema_to_xml schema_to_xmlschema schema_to_xml_and_xmlschema
database_to_xml database_to_xmlschema database_to_xml_and_xmlschema
ts_stat ts_rewrite
dblink dblink_exec dblink_open dblink_fetch dblink_send_query dblink_get_result dblink_connect dblink_connect_u dblink_build_sql_insert
dblink_build_sql_update dblink_build_sql_delete
crosstab crosstab2 crosstab3 crosstab4 crosstabn connectby xpath_table
pg_read_file pg_read_binary_file pg_read_file_old pg_stat_file pg_file_write pg_file_rename pg_file_unlink pg_file_sync
pg_file_read pg_file_length pg_logdir_ls
pg_ls_dir pg_ls_logdir pg_ls_waldir pg_ls_tmpdir pg_ls_archive_statusdir pg_ls_logicalmapdir pg_ls_logicalsnapdir
pg_ls_replslotdir pg_ls_summariesdir pg_current_logfile
lo_import lo_export be_lo_import be_lo_export
pg_logical_slot_get_changes pg_logical_slot_peek_changes pg_logical_slot_get_binary_changes
pg_logical_slot_peek_binary_changes pg_logical_emit_message
get_raw_page heap_page_items heap_page_item_attrs brin_page_items bt_page_items gist_page_items pg_get_wal_record_info
pg_get_wal_records_info pg_get_wal_block_info`

/** Functions that act on the server or on other sessions. */
const PROCEDURES = `
pg_terminate_backend pg_cancel_backend pg_reload_conf pg_rotate_logfile pg_promote pg_switch_wal pg_backup_start pg_backup_stop
pg_create_restore_point pg_wal_replay_pause pg_wal_replay_resume pg_create_physical_replication_slot
pg_create_logical_replication_slot pg_drop_replication_slot pg_copy_physical_replication_slot pg_copy_logical_replication_slot
pg_replication_slot_advance pg_replication_origin_create pg_replication_origin_drop pg_replication_origin_advance
pg_replication_origin_session_setup pg_replication_origin_session_reset pg_replication_origin_xact_setup
pg_replication_origin_xact_reset pg_sync_replication_slots pg_stat_reset pg_stat_reset_shared
pg_stat_reset_single_table_counters pg_stat_reset_single_function_counters pg_stat_reset_slru
pg_stat_reset_replication_slot pg_stat_reset_subscription_stats pg_stat_statements_reset pg_log_backend_memory_contexts
pg_import_system_collations`

/** Functions that write: large objects and sequences. */
const WRITES = 'setval lo_creat lo_create lo_unlink lo_put lo_from_bytea lo_open lowrite lo_truncate lo_truncate64'

const CLASSES = new Map<string, StatementClass>()
for (const [list, kind] of [
  [OPAQUE, 'opaque'],
  [PROCEDURES, 'procedure'],
  [WRITES, 'write'],
] as const) {
  for (const name of list.trim().split(/\s+/)) CLASSES.set(name, kind)
}

/** What calling a function is besides computing; undefined: nothing. */
export function functionClass(name: string): StatementClass | undefined {
  return CLASSES.get(name)
}
