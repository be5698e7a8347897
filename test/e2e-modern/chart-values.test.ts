// The same values on current API machinery, which has the ValidatingAdmissionPolicy and refuses doubled fields, too.
import '../e2e/chart-values.test.ts';
