# The receiver with Terraform or OpenTofu, from the zip of `make dist`: an example to copy and change.
# infra/template.yaml has the reasons, and the pipe, the HTTP API, the KMS key and the dashboard.

terraform {
  required_providers { aws = { source = "hashicorp/aws", version = ">= 6.42" } }
}

variable "name" { default = "cloud-infinite-callback" }
variable "architecture" { default = "arm64" }
variable "alarm_topic_arn" { default = null }
variable "package" { description = "Path of the zip" }
variable "token_digests" {
  description = "SHA-256 of the accepted tokens, as printed by `callbackctl token`"
  type        = list(string)
}

data "aws_caller_identity" "current" {}

locals {
  function   = aws_lambda_function.callback.function_name
  plain_http = { Bool = { "aws:SecureTransport" = "false" } }
  # Days until an object expires, and then until its old version does.
  vault = { quarantine = [90, 30], spill = [90, 30], oversize = [60, 14], replayed = [30, 1] }
  # The alarms' thresholds by namespace and metric.
  alarms = {
    CloudInfiniteCallback = { Quarantined = 1, Spilled = 1, VaultFailures = 1, AuthFailures = 20 }
    "AWS/Lambda"          = { Errors = 1, Throttles = 1, Duration = 8000, Invocations = 30000 }
    "AWS/SQS"             = { ApproximateAgeOfOldestMessage = 3600, ApproximateNumberOfMessagesVisible = 1 }
  }
}

resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = 30
}

resource "aws_iam_role" "function" {
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }
  ] })
}

resource "aws_iam_role_policy" "function" {
  role = aws_iam_role.function.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = "sqs:SendMessage", Resource = aws_sqs_queue.jobs.arn },
    { Effect = "Allow", Action = "s3:PutObject", Resource = [for f in ["oversize", "quarantine", "spill"] : "${aws_s3_bucket.vault.arn}/${f}/*"] },
    { Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = "${aws_cloudwatch_log_group.function.arn}:*" },
  ] })
}

resource "aws_lambda_function" "callback" {
  function_name    = var.name
  filename         = var.package
  source_code_hash = filebase64sha256(var.package)
  handler          = "bootstrap"
  runtime          = "provided.al2023"
  architectures    = [var.architecture]
  memory_size      = 256
  timeout          = 10
  publish          = true
  role             = aws_iam_role.function.arn
  logging_config {
    log_format            = "JSON"
    log_group             = aws_cloudwatch_log_group.function.name
    application_log_level = "INFO"
    system_log_level      = "WARN"
  }
  environment {
    variables = {
      CALLBACK_AUTH         = "token"
      CALLBACK_TOKEN_SHA256 = join(",", var.token_digests)
      QUEUE_URL             = aws_sqs_queue.jobs.url
      QUEUE_MAX_BYTES       = "1048576"
      PUBLISH_BUDGET_MS     = "2500"
      VAULT_BUCKET          = aws_s3_bucket.vault.id
    }
  }
}

# The URL belongs to the alias, so that a later gradual deployment does not replace it.
resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = local.function
  function_version = aws_lambda_function.callback.version
}

resource "aws_lambda_function_url" "live" {
  function_name      = local.function
  qualifier          = aws_lambda_alias.live.name
  authorization_type = "NONE"
}

# A function URL without AWS's authentication needs both permissions.
resource "aws_lambda_permission" "live" {
  for_each                 = toset(["InvokeFunctionUrl", "InvokeFunction"])
  action                   = "lambda:${each.key}"
  function_name            = local.function
  qualifier                = aws_lambda_alias.live.name
  principal                = "*"
  function_url_auth_type   = each.key == "InvokeFunctionUrl" ? "NONE" : null
  invoked_via_function_url = each.key == "InvokeFunction" ? true : null
}

resource "aws_sqs_queue" "dead_jobs" {
  name                      = "${var.name}-dead-jobs"
  max_message_size          = 1048576
  message_retention_seconds = 1209600
}

resource "aws_sqs_queue" "jobs" {
  name                       = "${var.name}-jobs"
  max_message_size           = 1048576
  message_retention_seconds  = 604800
  receive_wait_time_seconds  = 20
  visibility_timeout_seconds = 180
  redrive_policy             = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead_jobs.arn, maxReceiveCount = 5 })
}

resource "aws_sqs_queue_policy" "tls" {
  for_each  = { jobs = aws_sqs_queue.jobs, dead_jobs = aws_sqs_queue.dead_jobs }
  queue_url = each.value.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Deny", Principal = "*", Action = "sqs:*", Resource = each.value.arn, Condition = local.plain_http }
  ] })
}

# It may hold the only copy of a callback.
resource "aws_s3_bucket" "vault" {
  bucket = "${var.name}-vault-${data.aws_caller_identity.current.account_id}"
  lifecycle { prevent_destroy = true }
}

resource "aws_s3_bucket_versioning" "vault" {
  bucket = aws_s3_bucket.vault.id
  versioning_configuration { status = "Enabled" }
}

resource "aws_s3_bucket_policy" "vault" {
  bucket = aws_s3_bucket.vault.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Deny", Principal = "*", Action = "s3:*", Resource = [aws_s3_bucket.vault.arn, "${aws_s3_bucket.vault.arn}/*"], Condition = local.plain_http }
  ] })
}

resource "aws_s3_bucket_lifecycle_configuration" "vault" {
  bucket = aws_s3_bucket.vault.id
  dynamic "rule" {
    for_each = local.vault
    content {
      id     = rule.key
      status = "Enabled"
      filter { prefix = "${rule.key}/" }
      expiration { days = rule.value[0] }
      noncurrent_version_expiration { noncurrent_days = rule.value[1] }
    }
  }
}

resource "aws_iam_policy" "consumer" {
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"], Resource = aws_sqs_queue.jobs.arn },
    { Effect = "Allow", Action = ["s3:GetObject", "s3:DeleteObject"], Resource = "${aws_s3_bucket.vault.arn}/oversize/*" },
  ] })
}

resource "aws_cloudwatch_metric_alarm" "alarm" {
  for_each            = merge([for n, metrics in local.alarms : { for m, t in metrics : m => { namespace = n, threshold = t } }]...)
  alarm_name          = "${var.name}-${each.key}"
  namespace           = each.value.namespace
  metric_name         = each.key
  threshold           = each.value.threshold
  statistic           = each.value.namespace == "AWS/SQS" || each.key == "Duration" ? "Maximum" : "Sum"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arn == null ? [] : [var.alarm_topic_arn]
  dimensions = each.value.namespace != "AWS/SQS" ? { FunctionName = local.function } : {
    QueueName = each.key == "ApproximateNumberOfMessagesVisible" ? aws_sqs_queue.dead_jobs.name : aws_sqs_queue.jobs.name
  }
}

output "callback_url" { value = aws_lambda_function_url.live.function_url }
output "queue_url" { value = aws_sqs_queue.jobs.url }
output "vault_bucket" { value = aws_s3_bucket.vault.id }
output "consumer_policy_arn" { value = aws_iam_policy.consumer.arn }
