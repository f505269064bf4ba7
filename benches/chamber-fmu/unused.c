/* The rest of FMI 3.0, which this FMU says that it does not offer: every FMU exports all functions all the
 * same (FMI 3.0, section 2.5.3), and nobody calls these.
 */
#define UNUSED(name) int name(void) { return 3; /* fmi3Error */ }

UNUSED(fmi3ActivateModelPartition) UNUSED(fmi3EnterStepMode) UNUSED(fmi3EvaluateDiscreteStates)
UNUSED(fmi3GetAdjointDerivative) UNUSED(fmi3GetBinary) UNUSED(fmi3GetBoolean) UNUSED(fmi3GetClock)
UNUSED(fmi3GetDirectionalDerivative) UNUSED(fmi3GetFloat32) UNUSED(fmi3GetInt16) UNUSED(fmi3GetInt32)
UNUSED(fmi3GetInt64) UNUSED(fmi3GetInt8) UNUSED(fmi3GetIntervalDecimal) UNUSED(fmi3GetIntervalFraction)
UNUSED(fmi3GetNumberOfVariableDependencies) UNUSED(fmi3GetOutputDerivatives) UNUSED(fmi3GetShiftDecimal)
UNUSED(fmi3GetShiftFraction) UNUSED(fmi3GetString) UNUSED(fmi3GetUInt16) UNUSED(fmi3GetUInt32)
UNUSED(fmi3GetUInt64) UNUSED(fmi3GetUInt8) UNUSED(fmi3GetVariableDependencies)
UNUSED(fmi3InstantiateScheduledExecution) UNUSED(fmi3SetBinary) UNUSED(fmi3SetBoolean) UNUSED(fmi3SetClock)
UNUSED(fmi3SetFloat32) UNUSED(fmi3SetInt16) UNUSED(fmi3SetInt32) UNUSED(fmi3SetInt64) UNUSED(fmi3SetInt8)
UNUSED(fmi3SetIntervalDecimal) UNUSED(fmi3SetIntervalFraction) UNUSED(fmi3SetShiftDecimal)
UNUSED(fmi3SetShiftFraction) UNUSED(fmi3SetString) UNUSED(fmi3SetUInt16) UNUSED(fmi3SetUInt32)
UNUSED(fmi3SetUInt64) UNUSED(fmi3SetUInt8)
