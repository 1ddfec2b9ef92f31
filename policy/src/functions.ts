import type { Dialect } from '@sluice/domain'

/**
 * What a function is to a policy. `known`: the server's own, and it neither changes anything nor looks past its arguments
 * and the ordinary catalogs. `opaque`: shows what the sensitive catalogs or large objects hold (functions that run SQL text
 * or reach files come as opaque from the analysis already). `other`: may be anything that somebody defined.
 */
export type FunctionKind = 'known' | 'other' | 'opaque'

interface Named {
  readonly schema?: string | undefined
  readonly name: string
}

export function functionKind(use: Named, dialect: Dialect): FunctionKind {
  const name = use.name.toLowerCase()
  const lists = LISTS[dialect]
  // By name alone, whatever the schema: extensions may be installed anywhere.
  if (lists.opaque.has(name)) return 'opaque'
  // PostgreSQL: a function of somebody's with a known name and closer argument types would win over the server's own;
  // to make one takes `create function`, which no rule allows by accident.
  const own = use.schema === undefined || (dialect === 'postgres' && use.schema === 'pg_catalog')
  return own && lists.known.has(name) ? 'known' : 'other'
}

interface Lists {
  readonly opaque: ReadonlySet<string>
  readonly known: ReadonlySet<string>
}

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/))

const LISTS: Record<Dialect, Lists> = {
  postgres: {
    opaque: words(`
      pg_stat_get_activity pg_stat_get_backend_activity pg_stat_statements pg_mcv_list_items lo_get loread
      pg_hba_file_rules pg_ident_file_mappings pg_show_all_file_settings
    `),
    known: words(`
  abbrev abs acldefault aclexplode acos acosd acosh age amvalidate any_value area array_agg array_dims array_fill
  array_length array_lower array_ndims array_position array_positions array_remove array_replace array_reverse
  array_sample array_shuffle array_sort array_to_json array_to_string array_to_tsvector array_upper ascii asin asind
  asinh atan atan2 atan2d atand atanh avg bit bit_and bit_count bit_length bit_or bit_xor bool bool_and bool_or box
  bpchar broadcast btrim bytea cardinality casefold cash_words cbrt ceil ceiling center char char_length
  character_length chr cidr circle clock_timestamp coalesce col_description collation_for concat concat_ws convert
  convert_from convert_to corr cos cosd cosh cot cotd count covar_pop covar_samp crc32 crc32c cume_dist
  current_catalog current_database current_date current_role current_schema current_schemas current_setting
  current_time current_timestamp current_user currval date date_add date_bin date_part date_subtract date_trunc
  datemultirange daterange daterange_canonical daterange_subdiff decode degrees dense_rank dexp diagonal diameter
  div dlog1 dlog10 dround dtrunc encode enum_first enum_last enum_range enum_send erf erfc every exp extract
  factorial family first_value float4 float8 floor format format_type gamma gcd gen_random_uuid generate_series
  generate_subscripts get_bit get_byte get_current_ts_config getdatabaseencoding getpgusername greatest grouping
  has_any_column_privilege has_column_privilege has_database_privilege has_foreign_data_wrapper_privilege
  has_function_privilege has_language_privilege has_largeobject_privilege has_parameter_privilege
  has_schema_privilege has_sequence_privilege has_server_privilege has_table_privilege has_tablespace_privilege
  has_type_privilege height host hostmask icu_unicode_version inet_client_addr inet_client_port inet_server_addr
  inet_server_port initcap int2 int4 int4inc int4multirange int4range int4range_canonical int4range_subdiff int8
  int8_sum int8multirange int8range int8range_canonical int8range_subdiff interval is_normalized isclosed isempty
  isfinite ishorizontal isopen isparallel isperp isvertical json_agg json_agg_strict json_array json_array_elements
  json_array_elements_text json_array_length json_arrayagg json_build_array json_build_object json_each
  json_each_text json_exists json_object json_object_agg json_object_agg_strict json_object_agg_unique
  json_object_agg_unique_strict json_object_keys json_objectagg json_populate_record json_populate_recordset
  json_query json_scalar json_serialize json_strip_nulls json_table json_to_record json_to_recordset
  json_to_tsvector json_typeof json_value jsonb_agg jsonb_agg_strict jsonb_array_elements jsonb_array_elements_text
  jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text jsonb_insert jsonb_object
  jsonb_object_agg jsonb_object_agg_strict jsonb_object_agg_unique jsonb_object_agg_unique_strict jsonb_object_keys
  jsonb_path_exists jsonb_path_exists_tz jsonb_path_match jsonb_path_match_tz jsonb_path_query
  jsonb_path_query_array jsonb_path_query_array_tz jsonb_path_query_first jsonb_path_query_first_tz
  jsonb_path_query_tz jsonb_populate_record jsonb_populate_record_valid jsonb_populate_recordset jsonb_pretty
  jsonb_set jsonb_set_lax jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_to_tsvector jsonb_typeof
  justify_days justify_hours justify_interval lag last_value lastval lcm lead least left length lgamma like
  like_escape line ln localtime localtimestamp log log10 lower lower_inc lower_inf lpad lseg ltrim macaddr macaddr8
  macaddr8_set7bit make_date make_interval make_time make_timestamp make_timestamptz makeaclitem masklen max md5
  merge_action min min_scale mod mode money multirange mxid_age name nameconcatoid netmask network normalize notlike
  now npoints nth_value ntile nullif num_nonnulls num_nulls numeric numeric_div_trunc numeric_exp numeric_inc
  numeric_ln numeric_log numeric_sqrt nummultirange numnode numrange numrange_subdiff obj_description octet_length
  oid oidvectortypes overlaps overlay parse_ident path percent_rank percentile_cont percentile_disc
  pg_available_extension_versions pg_available_extensions pg_backend_pid pg_basetype pg_blocking_pids
  pg_char_to_encoding pg_client_encoding pg_collation_actual_version pg_collation_for pg_collation_is_visible
  pg_column_compression pg_column_is_updatable pg_column_size pg_column_toast_chunk_id pg_conf_load_time
  pg_conversion_is_visible pg_current_snapshot pg_current_wal_flush_lsn pg_current_wal_insert_lsn pg_current_wal_lsn
  pg_current_xact_id pg_current_xact_id_if_assigned pg_database_collation_actual_version pg_database_size
  pg_describe_object pg_encoding_max_length pg_encoding_to_char pg_extension_update_paths pg_filenode_relation
  pg_function_is_visible pg_get_acl pg_get_constraintdef pg_get_expr pg_get_function_arg_default
  pg_get_function_arguments pg_get_function_identity_arguments pg_get_function_result pg_get_function_sqlbody
  pg_get_functiondef pg_get_indexdef pg_get_keywords pg_get_object_address pg_get_partition_constraintdef
  pg_get_partkeydef pg_get_publication_tables pg_get_replica_identity_index pg_get_ruledef pg_get_serial_sequence
  pg_get_statisticsobjdef pg_get_statisticsobjdef_columns pg_get_statisticsobjdef_expressions pg_get_triggerdef
  pg_get_userbyid pg_get_viewdef pg_get_wait_events pg_has_role pg_identify_object pg_identify_object_as_address
  pg_index_column_has_property pg_index_has_property pg_indexam_has_property pg_indexam_progress_phasename
  pg_indexes_size pg_input_error_info pg_input_is_valid pg_is_in_recovery pg_is_other_temp_schema
  pg_is_wal_replay_paused pg_jit_available pg_last_committed_xact pg_last_wal_receive_lsn pg_last_wal_replay_lsn
  pg_last_xact_replay_timestamp pg_listening_channels pg_my_temp_schema pg_notification_queue_usage
  pg_opclass_is_visible pg_operator_is_visible pg_opfamily_is_visible pg_partition_ancestors pg_partition_root
  pg_partition_tree pg_postmaster_start_time pg_relation_filenode pg_relation_is_publishable
  pg_relation_is_updatable pg_relation_size pg_safe_snapshot_blocking_pids pg_sequence_parameters
  pg_settings_get_flags pg_size_bytes pg_size_pretty pg_snapshot_xip pg_snapshot_xmax pg_snapshot_xmin
  pg_table_is_visible pg_table_size pg_tablespace_size pg_timezone_abbrevs_abbrevs pg_timezone_abbrevs_zone
  pg_timezone_names pg_total_relation_size pg_trigger_depth pg_ts_config_is_visible pg_ts_dict_is_visible
  pg_ts_parser_is_visible pg_ts_template_is_visible pg_type_is_visible pg_typeof pg_visible_in_snapshot
  pg_xact_commit_timestamp pg_xact_commit_timestamp_origin pg_xact_status phraseto_tsquery pi plainto_tsquery point
  polygon position pow power querytree quote_ident quote_literal quote_nullable radians radius random random_normal
  range_agg range_intersect_agg range_merge rank regclass regexp_count regexp_instr regexp_like regexp_match
  regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr regr_avgx regr_avgy
  regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy repeat replace reverse right round
  row_number row_security_active row_to_json rpad rtrim scale session_user set_bit set_config set_byte set_masklen setweight
  sha224 sha256 sha384 sha512 shobj_description sign similar_escape similar_to_escape sin sind sinh slope split_part
  sqrt statement_timestamp stddev stddev_pop stddev_samp string_agg string_to_array string_to_table strip strpos
  substr substring sum system_user tan tand tanh text textlen time timeofday timestamp timestamptz timetz timezone
  to_ascii to_bin to_char to_date to_hex to_json to_jsonb to_number to_oct to_regclass to_regcollation
  to_regnamespace to_regoper to_regoperator to_regproc to_regprocedure to_regrole to_regtype to_regtypemod
  to_timestamp to_tsquery to_tsvector transaction_timestamp translate treat trim_array trim_scale trunc ts_debug
  ts_delete ts_filter ts_headline ts_lexize ts_parse ts_rank ts_rank_cd ts_token_type tsmultirange tsquery_phrase
  tsrange tsrange_subdiff tstzmultirange tstzrange tstzrange_subdiff tsvector_to_array txid_current
  txid_current_if_assigned txid_current_snapshot txid_snapshot_xip txid_snapshot_xmax txid_snapshot_xmin txid_status
  txid_visible_in_snapshot unicode_assigned unicode_version unistr unnest upper upper_inc upper_inf user
  uuid_extract_timestamp uuid_extract_version uuidv4 uuidv7 var_pop var_samp varbit varchar variance version
  websearch_to_tsquery width width_bucket xid xml xml_is_well_formed xml_is_well_formed_content
  xml_is_well_formed_document xmlagg xmlcomment xmlconcat xmlelement xmlexists xmlforest xmlparse xmlpi xmlroot
  xmlserialize xmltext xmlvalidate xpath xpath_exists
    `),
  },
  mysql: {
    opaque: words('load_file sys_exec sys_eval sys_get sys_set'),
    known: words(`
  abs acos adddate addtime aes_decrypt aes_encrypt any_value ascii asin atan atan2 avg bin bin_to_uuid bit_and
  bit_count bit_length bit_or bit_xor cast ceil ceiling char char_length character_length charset chr coalesce
  coercibility collation compress concat concat_ws connection_id conv convert convert_tz cos cot count crc32
  cume_dist curdate current_date current_role current_time current_timestamp current_user curtime database date
  date_add date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear default degrees dense_rank elt
  exp export_set extract extractvalue field find_in_set first_value floor format format_bytes format_pico_time
  found_rows from_base64 from_days from_unixtime greatest group_concat grouping hex hour icu_version if ifnull in
  inet_aton inet_ntoa inet6_aton inet6_ntoa insert instr interval is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6
  is_uuid isnull json_array json_array_append json_array_insert json_arrayagg json_compact json_contains
  json_contains_path json_depth json_detailed json_equals json_exists json_extract json_insert json_keys json_length
  json_loose json_merge json_merge_patch json_merge_preserve json_normalize json_object json_object_filter_keys
  json_object_to_array json_objectagg json_overlaps json_pretty json_query json_quote json_remove json_replace
  json_schema_valid json_schema_validation_report json_search json_set json_storage_free json_storage_size
  json_table json_type json_unquote json_valid json_value lag last_day last_insert_id last_value lcase lead least
  left length ln locate localtime localtimestamp log log10 log2 lower lpad ltrim make_set makedate maketime match
  max md5 median microsecond mid min minute mod month monthname name_const natural_sort_key now nth_value ntile
  nullif nvl nvl2 oct octet_length ord percent_rank percentile_cont percentile_disc period_add period_diff pi
  position pow power quarter quote radians rand random_bytes rank regexp_instr regexp_like regexp_replace
  regexp_substr repeat replace reverse right roles_graphml round row_count row_number rpad rtrim schema sec_to_time
  second session_user sha sha1 sha2 sformat sign sin soundex space sqrt st_area st_asbinary st_asgeojson st_astext
  st_aswkb st_aswkt st_buffer st_centroid st_contains st_crosses st_difference st_dimension st_disjoint st_distance
  st_distance_sphere st_envelope st_equals st_geometrytype st_geomfromgeojson st_geomfromtext st_geomfromwkb
  st_intersection st_intersects st_isempty st_isvalid st_latitude st_length st_longitude st_npoints st_numpoints
  st_overlaps st_pointfromtext st_simplify st_srid st_touches st_union st_within st_x st_y point linestring polygon
  multipoint multilinestring multipolygon geometrycollection statement_digest statement_digest_text std stddev
  stddev_pop stddev_samp str_to_date strcmp subdate substr substring substring_index subtime sum sysdate system_user
  time time_format time_to_sec timediff timestamp timestampadd timestampdiff to_base64 to_char to_days to_seconds
  trim trunc truncate typeof ucase uncompress uncompressed_length unhex unix_timestamp updatexml upper user utc_date
  utc_time utc_timestamp uuid uuid_short uuid_to_bin validate_password_strength values var_pop var_samp variance
  version week weekday weekofyear weight_string year yearweek
    `),
  },
}
