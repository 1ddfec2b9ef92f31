/**
 * The allow-list of PostgreSQL 18's raw parse tree: which kinds of nodes there are below a statement, and which fields hold
 * a node of a fixed kind (those come without the kind's name). What is in neither list cannot be analysed.
 */

const KINDS = `
ATAlterConstraint A_ArrayExpr A_Const A_Expr A_Indices A_Indirection A_Star AccessPriv Alias AlterTableCmd BitString BoolExpr
Boolean BooleanTest CTECycleClause CTESearchClause CaseExpr CaseWhen CoalesceExpr CollateClause ColumnDef ColumnRef
CommonTableExpr Constraint CreateOpClassItem CurrentOfExpr DefElem Float FuncCall FunctionParameter GroupingFunc GroupingSet
IndexElem InferClause Integer IntoClause JoinExpr JsonAggConstructor JsonArgument JsonArrayAgg JsonArrayConstructor
JsonArrayQueryConstructor JsonBehavior JsonFormat JsonFuncExpr JsonIsPredicate JsonKeyValue JsonObjectAgg
JsonObjectConstructor JsonOutput JsonParseExpr JsonReturning JsonScalarExpr JsonSerializeExpr JsonTable JsonTableColumn
JsonTablePathSpec JsonValueExpr List LockingClause MergeSupportFunc MergeWhenClause MinMaxExpr MultiAssignRef NamedArgExpr
NullTest ObjectWithArgs OnConflictClause ParamRef PartitionBoundSpec PartitionCmd PartitionElem PartitionRangeDatum
PartitionSpec PublicationObjSpec PublicationTable RangeFunction RangeSubselect RangeTableFunc RangeTableFuncCol
RangeTableSample RangeVar ReplicaIdentityStmt ResTarget ReturningClause ReturningOption RoleSpec RowExpr SQLValueFunction
SetToDefault SortBy StatsElem String SubLink TableLikeClause TriggerTransition TypeCast TypeName VacuumRelation WindowDef
WithClause XmlExpr XmlSerialize`

export const EXPRESSION_KINDS: ReadonlySet<string> = new Set(KINDS.trim().split(/\s+/))

/** `field` or, where kinds disagree, `Kind.field`. */
export const FIXED_FIELDS: Readonly<Record<string, string>> = {
  alias: 'Alias',
  join_using_alias: 'Alias',
  rel: 'RangeVar',
  relation: 'RangeVar',
  identitySequence: 'RangeVar',
  pktable: 'RangeVar',
  table: 'RangeVar',
  constrrel: 'RangeVar',
  sequence: 'RangeVar',
  typevar: 'RangeVar',
  view: 'RangeVar',
  'PartitionCmd.name': 'RangeVar',
  'CreateOpClassItem.name': 'ObjectWithArgs',
  func: 'ObjectWithArgs',
  opername: 'ObjectWithArgs',
  fromsql: 'ObjectWithArgs',
  tosql: 'ObjectWithArgs',
  format: 'JsonFormat',
  returning: 'JsonReturning',
  on_empty: 'JsonBehavior',
  on_error: 'JsonBehavior',
  output: 'JsonOutput',
  pathspec: 'JsonTablePathSpec',
  context_item: 'JsonValueExpr',
  'JsonArgument.val': 'JsonValueExpr',
  'JsonKeyValue.value': 'JsonValueExpr',
  'JsonParseExpr.expr': 'JsonValueExpr',
  'JsonSerializeExpr.expr': 'JsonValueExpr',
  'JsonArrayAgg.arg': 'JsonValueExpr',
  'JsonObjectAgg.arg': 'JsonKeyValue',
  constructor: 'JsonAggConstructor',
  typeName: 'TypeName',
  ofTypename: 'TypeName',
  datatype: 'TypeName',
  storedtype: 'TypeName',
  returnType: 'TypeName',
  argType: 'TypeName',
  sourcetype: 'TypeName',
  targettype: 'TypeName',
  type_name: 'TypeName',
  over: 'WindowDef',
  collClause: 'CollateClause',
  bound: 'PartitionBoundSpec',
  partbound: 'PartitionBoundSpec',
  partspec: 'PartitionSpec',
  infer: 'InferClause',
  search_clause: 'CTESearchClause',
  cycle_clause: 'CTECycleClause',
  onConflictClause: 'OnConflictClause',
  returningClause: 'ReturningClause',
  withClause: 'WithClause',
  intoClause: 'IntoClause',
  into: 'IntoClause',
  larg: 'SelectStmt',
  rarg: 'SelectStmt',
  base: 'CreateStmt',
  setstmt: 'VariableSetStmt',
  'AlterDefaultPrivilegesStmt.action': 'GrantStmt',
  funccall: 'FuncCall',
  pubtable: 'PublicationTable',
  extname: 'String',
  authrole: 'RoleSpec',
  newowner: 'RoleSpec',
  newrole: 'RoleSpec',
  grantor: 'RoleSpec',
  owner: 'RoleSpec',
  user: 'RoleSpec',
  role: 'RoleSpec',
}
