// The same rows where `Fail` is registered as such, and conditions keep requests away.
import '../contract/outcome-table.test.ts';
